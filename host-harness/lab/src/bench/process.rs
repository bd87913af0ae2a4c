//! What the system knows of a process: Linux tells, others are not asked.

/// Clock ticks in a second: what Linux counts processor time in, for whoever reads `/proc`.
const TICKS: f64 = 100.0;

/// Time of all processors that the process has used, user and system, in seconds.
pub fn cpu_seconds(process: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before it can hold anything but ends with the last `)`; user and system time are fields 14 and 15.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

/// Memory of the process in MiB, by a line of `/proc/PID/status`: `VmRSS` now, `VmHWM` at most.
pub fn memory(process: u32, line: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status
        .lines()
        .find_map(|found| found.strip_prefix(line)?.strip_prefix(':'))?;
    let kib: f64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024.0)
}
