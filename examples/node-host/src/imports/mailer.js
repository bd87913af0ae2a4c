// `mailer`: what a mail has to be before it is kept with the run or the call.

const LONGEST_SUBJECT = 250;

/** ASCII only: other letters have lower-case forms that are another address. */
const lower = (text) => text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());

export function mailer({ platform }) {
  /** The owner, or without an active one those who may change settings there. */
  function responsible(run) {
    const { owner } = run.context().schedule;
    return (owner?.active ? [owner] : platform.responsible(run.leased.row.scope)).map(({ email }) => email);
  }

  return {
    stage(run, { kind, audience, subject, text, attachFile }) {
      const { schedule, settings } = run.context();
      const line = oneLine(subject);
      const people = audience.tag === 'people' ? eachOnce(audience.val) : { to: responsible(run), cc: [], bcc: [] };
      const all = [...people.to, ...people.cc, ...people.bcc];
      if (audience.tag === 'people') {
        const { to, cc, bcc } = schedule.content.recipients;
        const owner = schedule.owner && lower(schedule.owner.email);
        const stored = [...to, ...cc, ...bcc].map(lower);
        const allowed = (address) => settings.recipientDomains?.includes(address.split('@').at(-1)) ?? true;
        const may = (address) => address === owner || (stored.includes(address) && allowed(address));
        const refused = all.filter((address) => !may(lower(address)));
        if (refused.length > 0) throw { tag: 'recipient-not-allowed', val: refused };
      }
      if (all.length === 0) throw { tag: 'no-recipient' };
      if (attachFile && run.file === undefined) throw { tag: 'no-file' };
      fitting(text, attachFile ? run.file.size : 0n, settings);
      run.mail = { kind, people, subject: line, text, attachFile };
    },

    notifyOwner(by, id, subject, text) {
      const line = oneLine(subject);
      const before = by.owners.get(id);
      const owner = before !== undefined && before !== by.user ? platform.user(before) : undefined;
      if (!owner?.active) throw { tag: 'no-recipient' };
      fitting(text, 0n, by.context().settings);
      const people = { to: [owner.email], cc: [], bcc: [] };
      by.notices.set(id, { kind: 'change', people, subject: line, text, attachFile: false, told: owner.id });
    },
  };
}

function oneLine(subject) {
  const line = subject.trim();
  if (line === '' || [...line].length > LONGEST_SUBJECT || /\p{Cc}/u.test(line)) throw { tag: 'bad-subject' };
  return line;
}

/** As sent: base64 in lines of 76 characters, and room for the headers. */
function fitting(text, attached, { mailBytes }) {
  const size = 2048n + BigInt(Buffer.byteLength(text) * 2) + ((attached + 56n) / 57n) * 78n;
  if (size > mailBytes) throw { tag: 'too-large', val: size };
}

/** Each address once, where it comes first. */
function eachOnce({ to, cc, bcc }) {
  const met = new Set();
  const fresh = (address) => !met.has(lower(address)) && met.add(lower(address));
  return { to: to.filter(fresh), cc: cc.filter(fresh), bcc: bcc.filter(fresh) };
}
