//! Which machine this is, and how busy.

use crate::shell;

/// Processor, cores and system, as far as the system tells.
pub fn name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok();
    let processor = info.as_deref().and_then(model).map(str::to_owned).or_else(|| {
        // macOS
        shell::read(shell::command("sysctl", &["-n", "machdep.cpu.brand_string"])).map(|text| text.trim().to_owned())
    });
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |cores| cores.to_string());
    let processor = processor.unwrap_or_else(|| "unnamed processor".to_owned());
    format!("{processor}, {cores} logical cores, {} {}", std::env::consts::OS, std::env::consts::ARCH)
}

fn model(info: &str) -> Option<&str> {
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// The average number of threads that ran or wanted to in the last minute, where the system tells.
pub fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg")
        .ok()
        .or_else(|| shell::read(shell::command("sysctl", &["-n", "vm.loadavg"])))?;
    first_number(&text)
}

/// macOS puts the numbers into braces.
fn first_number(text: &str) -> Option<f64> {
    text.split(|c: char| c.is_whitespace() || "{}".contains(c)).find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_and_load_are_read_from_what_systems_say() {
        let info = "processor\t: 0\nmodel name\t: Some CPU @ 2.80GHz\nflags\t: a\n";
        assert_eq!(model(info), Some("Some CPU @ 2.80GHz"));
        assert_eq!(model("processor : 0"), None);
        assert_eq!(first_number("8.91 8.40 8.00 9/600 12345"), Some(8.91));
        assert_eq!(first_number("{ 1.50 1.20 1.10 }"), Some(1.5));
        assert_eq!(first_number(""), None);
    }
}
