//! A limit that finds itself: 64 clients want all they can get from a small server, while a CPU hog comes and goes.
//!
//! What to notice:
//!
//! - Nobody says how much the server ([`server`]) can take. `Adaptive` starts with 4 at once and finds out, by latency:
//!   the column `found` climbs until requests take the 40 ms that are allowed, and sways there.
//! - `LoadSampler` is one more task beside the clients. While the hog runs, it presses the `ceiling` down, and with it
//!   the `limit`, to leave the machine to others; afterwards both rise again. The clients know nothing of all this.
//! - `--load` changes one line, the source that the sampler reads: the cgroup, the machine, or a closure of this program.
//!
//! It ends by itself, and with status 1 if the limit didn't fall and rise, three times in a row: on a machine that others
//! use, one run may show their load. `cargo run --release --example adaptive`.

#[cfg(target_os = "linux")]
mod hog;
#[cfg(target_os = "linux")]
mod load;
#[cfg(target_os = "linux")]
mod server;
#[cfg(target_os = "linux")]
mod story;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;
    let source = match load::parse() {
        Ok(Some(source)) => source,
        Ok(None) => {
            print!("{}", load::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("adaptive: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match story::tell(source) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("adaptive: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("adaptive: this program reads the load from Linux's files; elsewhere a closure would have to");
}
