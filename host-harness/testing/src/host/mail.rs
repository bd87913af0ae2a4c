//! Mail that a test's host hands over: kept, and read as a recipient would.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use scheduled_exports_mail::{Refusal, Transport};

/// A mail as a recipient's server got it.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Address of the SMTP envelope.
    pub recipient: String,
    /// Header `From`.
    pub from: String,
    /// Header `To`; empty: no such header.
    pub to: String,
    /// Empty: no such header.
    pub cc: String,
    /// Header `Subject`, decoded.
    pub subject: String,
    /// Header `Message-ID`, with its angle brackets.
    pub message_id: String,
    /// The part that is no file, decoded.
    pub text: String,
    /// File name and bytes.
    pub attachment: Option<(String, Vec<u8>)>,
    /// As they were handed over.
    pub bytes: Arc<[u8]>,
}

/// Keeps what it is handed, and refuses whom it is told to.
#[derive(Debug, Default)]
pub struct CapturedMail {
    pub(super) taken: Mutex<Vec<(String, Arc<[u8]>)>>,
    refusals: Mutex<HashMap<String, Refusal>>,
}

impl CapturedMail {
    /// From now on this address is refused; with none it is taken again.
    pub fn refuse(&self, address: &str, refusal: Option<Refusal>) {
        let mut refusals = self.refusals.lock().expect("no test panics while it holds this");
        match refusal {
            Some(refusal) => refusals.insert(address.to_owned(), refusal),
            None => refusals.remove(address),
        };
    }
}

#[async_trait]
impl Transport for CapturedMail {
    async fn hand_over(
        &self,
        _from: &str,
        recipient: &str,
        _message_id: &str,
        bytes: Arc<[u8]>,
    ) -> Result<String, Refusal> {
        if let Some(refusal) = self
            .refusals
            .lock()
            .expect("no test panics while it holds this")
            .get(recipient)
        {
            return Err(refusal.clone());
        }
        self.taken
            .lock()
            .expect("no test panics while it holds this")
            .push((recipient.to_owned(), bytes));
        Ok("250 kept".into())
    }
}

/// # Panics
/// If it can't be read as a mail.
pub(super) fn read(recipient: &str, bytes: &Arc<[u8]>) -> Mail {
    use mailparse::MailHeaderMap as _;
    let parsed = mailparse::parse_mail(bytes).expect("a mail");
    let header = |name: &str| parsed.headers.get_first_value(name).unwrap_or_default();
    let parts: Vec<_> = parsed.parts().filter(|part| part.subparts.is_empty()).collect();
    let named = |part: &&&mailparse::ParsedMail<'_>| part.get_content_disposition().params.contains_key("filename");
    let text = parts
        .iter()
        .find(|part| !named(part))
        .map(|part| part.get_body().expect("the text is decoded"));
    let attachment = parts.iter().find(named).map(|part| {
        let name = part.get_content_disposition().params["filename"].clone();
        (name, part.get_body_raw().expect("the attachment is decoded"))
    });
    Mail {
        recipient: recipient.to_owned(),
        from: header("From"),
        to: header("To"),
        cc: header("Cc"),
        subject: header("Subject"),
        message_id: header("Message-ID"),
        text: text.unwrap_or_default(),
        attachment,
        bytes: Arc::clone(bytes),
    }
}
