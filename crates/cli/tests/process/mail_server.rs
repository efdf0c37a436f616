//! A real mail server from a Debian package (`exim4-daemon-light`), run in a directory of its
//! own on a free port, delivering into a maildir that the test reads.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use austin_testkit::Process;
use tempfile::TempDir;

use crate::rig::{START, free_port};

/// A running mail server.
pub(crate) struct MailServer {
    /// Where it listens.
    pub(crate) port: u16,
    folder: TempDir,
    process: Process,
}

/// A mail as the server delivered it.
#[derive(Debug)]
pub(crate) struct Mail {
    /// The envelope's recipients, as the server noted them.
    pub(crate) envelope_to: String,
    /// The whole text.
    pub(crate) text: String,
}

impl MailServer {
    /// Starts it; `None` where it is not installed and nobody insists.
    ///
    /// # Panics
    /// When it is missing although `REQUIRE_SERVICES=1`.
    pub(crate) fn start() -> Option<Self> {
        let Some(exim) = find() else {
            let required = std::env::var("REQUIRE_SERVICES").is_ok_and(|value| value == "1");
            assert!(
                !required,
                "no mail server: apt-get install -y --no-install-recommends exim4-daemon-light"
            );
            println!("passed over: exim4-daemon-light is not installed (`make test` installs it)");
            return None;
        };
        let folder = tempfile::Builder::new()
            .prefix("austin-mail-")
            .tempdir()
            .unwrap();
        let root = folder.path();
        for name in ["spool", "log", "mail", "bounces"] {
            std::fs::create_dir(root.join(name)).unwrap();
        }
        let user = owner(root);
        std::fs::write(root.join("exim.conf"), configuration(root, &user)).unwrap();
        let port = free_port();
        let process = Process::start(
            Command::new(exim)
                .arg("-C")
                .arg(root.join("exim.conf"))
                .args(["-bdf", "-q1m", "-oX"])
                .arg(format!("127.0.0.1:{port}")),
        )
        .expect("exim starts");
        let server = Self {
            port,
            folder,
            process,
        };
        server.wait();
        Some(server)
    }

    fn wait(&self) {
        let end = Instant::now() + START;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                Instant::now() < end,
                "{}\n{}",
                self.process.output(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// All mails delivered, once there are `count`.
    ///
    /// # Panics
    /// When there are not, in time; with the server's log.
    pub(crate) fn mails(&self, count: usize) -> Vec<Mail> {
        let end = Instant::now() + START;
        loop {
            let mails = self.delivered();
            if mails.len() >= count {
                return mails;
            }
            assert!(
                Instant::now() < end,
                "{} of {count} mails arrived\n{}",
                mails.len(),
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn delivered(&self) -> Vec<Mail> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("mail/new")) else {
            return Vec::new();
        };
        entries
            .map(|entry| {
                let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
                Mail {
                    envelope_to: header(&text, "Envelope-to").unwrap_or_default(),
                    text,
                }
            })
            .collect()
    }

    /// The directory that holds the Maildir of the account `mail`, with what is sent to `filed…`.
    pub(crate) fn mailboxes(&self) -> PathBuf {
        self.folder.path().join("bounces")
    }

    /// Gives the server's user a directory and what is in it.
    pub(crate) fn owns(&self, directory: &Path) {
        assert!(directory.starts_with(self.folder.path()));
        owner(directory);
    }

    /// What the server wrote down.
    pub(crate) fn log(&self) -> String {
        ["mainlog", "rejectlog", "paniclog"]
            .iter()
            .filter_map(|name| {
                std::fs::read_to_string(self.folder.path().join("log").join(name)).ok()
            })
            .collect()
    }
}

/// A header's value with folded lines joined.
pub(crate) fn header(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().take_while(|line| !line.is_empty());
    let prefix = format!("{}:", name.to_ascii_lowercase());
    let first = lines.find(|line| line.to_ascii_lowercase().starts_with(&prefix))?;
    let mut value = first[prefix.len()..].trim().to_owned();
    for line in lines.take_while(|line| line.starts_with([' ', '\t'])) {
        value.push(' ');
        value.push_str(line.trim());
    }
    Some(value)
}

fn find() -> Option<PathBuf> {
    ["/usr/sbin/exim4", "/usr/sbin/exim"]
        .iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

/// Whom the server delivers as. Started as root it gives its rights up and refuses to write as
/// root, so its own user gets the directory; else it is whoever runs the test.
fn owner(root: &Path) -> String {
    let name = |arguments: &[&str]| {
        let output = Command::new("id")
            .args(arguments)
            .output()
            .expect("id runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    if name(&["-u"]) != "0" {
        return name(&["-un"]);
    }
    let user = "Debian-exim";
    let status = Command::new("chown").args(["-R", user]).arg(root).status();
    assert!(status.is_ok_and(|status| status.success()), "chown {user}");
    user.to_owned()
}

fn configuration(root: &Path, user: &str) -> String {
    let root = root.display();
    format!(
        r"primary_hostname = mail.corp.example
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
pid_file_path = {root}/exim.pid
tls_advertise_hosts =
keep_environment =
add_environment =
never_users =
acl_smtp_rcpt = check_recipient
acl_smtp_data = accept
begin acl
check_recipient:
  deny message = 5.1.1 no such person here
       local_parts = ^nobody
  accept domains = corp.example
  deny message = relay not permitted
begin routers
gone:
  driver = redirect
  local_parts = ^gone
  data = :fail: 550 5.2.1 mailbox is closed
  allow_fail
bounces:
  driver = accept
  local_parts = ^filed
  transport = bounces
all:
  driver = accept
  transport = maildir
begin transports
bounces:
  driver = appendfile
  directory = {root}/bounces/mail
  maildir_format
  create_directory
  envelope_to_add
  user = {user}
maildir:
  driver = appendfile
  directory = {root}/mail
  maildir_format
  create_directory
  envelope_to_add
  return_path_add
  user = {user}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{austin}}}}{{eq{{$auth3}}{{test-password}}}}}}}}
  server_set_id = $auth2
"
    )
}
