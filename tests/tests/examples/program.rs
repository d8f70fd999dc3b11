//! `Program`: a process that is watched, asked to stop, and never waited for without end.

use std::io::{self, BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a program may take. Real time, and far more than any needs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Program {
    child: Child,
    stdout: JoinHandle<io::Result<Vec<u8>>>,
    lines: Receiver<String>,
    stderr: String,
    deadline: Instant,
}

/// What a program has left behind.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Ended {
    Program::start(command).expect("the program starts").end()
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> io::Result<Self> {
        let pipes = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn()?;
        let mut stdout = child.stdout.take().expect("it is a pipe");
        let stderr = BufReader::new(child.stderr.take().expect("it is a pipe"));
        let stdout = thread::spawn(move || {
            let mut bytes = Vec::new();
            stdout.read_to_end(&mut bytes).map(|_| bytes)
        });
        let (send, lines) = mpsc::channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Ok(Self { child, stdout, lines, stderr: String::new(), deadline: Instant::now() + PATIENCE })
    }

    #[cfg(unix)]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it says so on standard error.
    #[cfg(unix)]
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.stderr.contains(text) {
            assert!(self.next_line(), "it ended without saying {text:?}, but this: {}", self.stderr);
        }
    }

    /// What Ctrl-C does.
    #[cfg(unix)]
    pub(crate) fn interrupt(&self) {
        let kill = Command::new("sh").arg("-c").arg(format!("kill -INT {}", self.id())).status();
        assert!(kill.expect("sh starts").success());
    }

    /// Waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        while self.next_line() {}
        let status = self.child.wait().expect("nobody else waits for it");
        let stdout = self.stdout.join().expect("reading doesn't panic").expect("a pipe can be read");
        Ended { code: status.code(), stdout, stderr: self.stderr }
    }

    /// Whether there was one more line on standard error.
    fn next_line(&mut self) -> bool {
        match self.lines.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.stderr += &line;
                self.stderr.push('\n');
                true
            }
            Err(RecvTimeoutError::Disconnected) => false,
            Err(RecvTimeoutError::Timeout) => {
                // It may have ended in between; then there is nothing to kill.
                let _ = self.child.kill();
                panic!("it hangs; so far it said this: {}", self.stderr);
            }
        }
    }
}

impl Ended {
    /// Both streams, as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned() + &self.stderr
    }

    /// The number of lines that contain `text`.
    #[track_caller]
    pub(crate) fn assert_says(&self, text: &str) {
        let said = self.text();
        let count = said.lines().filter(|line| line.contains(text)).count();
        assert_eq!(count, 1, "lines with {text:?} in:\n{said}");
    }
}
