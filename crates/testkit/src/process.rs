//! Real processes under test: started on free ports, watched by what they print, ended for good.
//!
//! No test waits by sleeping: a process says on stdout when it is ready ([`Process::wait_for`]),
//! and its end is waited for. Whatever a test leaves running is killed when it is dropped.

use std::io::{self, BufRead as _, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// A running process and everything it has printed.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Receiver<String>,
    said: Arc<Mutex<Vec<String>>>,
}

/// How a process ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// All it printed, stdout and stderr, in the order it came.
    pub output: String,
}

impl Process {
    /// Starts `command` with both outputs watched and nothing on stdin.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = Arc::new(Mutex::new(Vec::new()));
        let (sender, lines) = channel();
        if let Some(out) = child.stdout.take() {
            let sender = sender.clone();
            follow(out, said.clone(), move |line| drop(sender.send(line)));
        }
        if let Some(err) = child.stderr.take() {
            follow(err, said.clone(), |_| {});
        }
        Ok(Self { child, lines, said })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first thing that `wanted` makes of a line on stdout, from where the last call stopped.
    ///
    /// # Panics
    /// When the process ends first, or `within` is over; with everything it said.
    #[track_caller]
    pub fn wait_for<T>(&self, within: Duration, wanted: impl Fn(&str) -> Option<T>) -> T {
        let until = Instant::now() + within;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(found) = wanted(&line) {
                        return found;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    panic!("not said within {within:?}; it said:\n{}", self.output())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("ended before it said it; it said:\n{}", self.output())
                }
            }
        }
    }

    /// The address in its line `listening on http://…`.
    ///
    /// # Panics
    /// As [`Process::wait_for`].
    #[track_caller]
    pub fn listening(&self, within: Duration) -> std::net::SocketAddr {
        self.wait_for(within, |line| {
            line.split_once("listening on http://")?
                .1
                .split_whitespace()
                .next()?
                .trim_end_matches('/')
                .parse()
                .ok()
        })
    }

    /// All it printed so far.
    pub fn output(&self) -> String {
        self.said.lock().join("\n")
    }

    /// Sends a signal by name, e.g. `TERM`.
    ///
    /// # Errors
    /// When there is no such process any more.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.id())])
            .status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other("no such process"))
        }
    }

    /// `kill -9`, and waits until it is gone.
    ///
    /// # Errors
    /// Those of the system.
    pub fn kill(mut self) -> io::Result<Ended> {
        self.child.kill()?;
        let status = self.child.wait()?;
        Ok(Ended {
            status,
            output: self.output(),
        })
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it still runs after `within`; with everything it said.
    #[track_caller]
    pub fn ended(mut self, within: Duration) -> Ended {
        let until = Instant::now() + within;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    // Both outputs close with the process; wait until they were read.
                    while self.lines.recv_timeout(Duration::from_secs(1)).is_ok() {}
                    return Ended {
                        status,
                        output: self.output(),
                    };
                }
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(10)),
                Ok(None) => panic!("still runs after {within:?}; it said:\n{}", self.output()),
                Err(error) => panic!("cannot wait for it: {error}"),
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already, mostly.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn follow(
    from: impl Read + Send + 'static,
    said: Arc<Mutex<Vec<String>>>,
    tell: impl Fn(String) + Send + 'static,
) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            said.lock().push(line.clone());
            tell(line);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        Process::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn a_process_is_heard_signalled_and_waited_for() {
        let process = shell(
            "trap 'echo bye; exit 7' TERM; echo listening on http://127.0.0.1:81/; \
                             while :; do sleep 0.05; done",
        );
        let address = process.listening(Duration::from_secs(10));
        assert_eq!(address.port(), 81);
        process.signal("TERM").unwrap();
        let ended = process.ended(Duration::from_secs(10));
        assert_eq!(ended.status.code(), Some(7));
        assert!(ended.output.contains("bye"), "{}", ended.output);
    }

    #[test]
    #[should_panic(expected = "ended before it said it")]
    fn an_early_end_is_noticed_at_once() {
        let process = shell("echo oops");
        process.listening(Duration::from_secs(10));
    }
}
