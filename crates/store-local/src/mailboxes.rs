//! Mailboxes on this machine: a directory that holds one Maildir for each account, named by its
//! key, into which a mail server delivers.
//!
//! Invariant: nothing outside that directory is opened or moved, whatever the mail server's user
//! puts there: below it no symbolic link is followed, and a name is one component. `new` holds
//! what waits, `cur` what was taken care of, the folder `.failed` what could not be.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use austin_ports::BoxFuture;
use austin_ports::mailbox::{Mail, MailboxError, Mailboxes, Waiting};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

/// Mailboxes below one directory. Clones share it.
#[derive(Clone, Debug)]
pub struct LocalMailboxes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    most_bytes: u64,
}

impl LocalMailboxes {
    /// The mailboxes below `path`; mails larger than `most_bytes` are not read.
    ///
    /// # Errors
    /// When `path` is not absolute, or no directory that can be read.
    pub fn open(path: &Path, most_bytes: u64) -> Result<Self, MailboxError> {
        if !path.is_absolute() {
            let shown = path.display();
            return Err(MailboxError(format!("{shown} is no absolute path")));
        }
        let shared = Shared {
            path: path.to_owned(),
            most_bytes,
        };
        shared.root().map_err(failed("cannot open", path))?;
        Ok(Self(Arc::new(shared)))
    }

    fn blocking<T: Send + 'static>(
        &self,
        account: &str,
        work: impl FnOnce(&Shared, &str) -> Result<T, MailboxError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, MailboxError>> {
        let (shared, account) = (Arc::clone(&self.0), account.to_owned());
        Box::pin(async move {
            tokio::task::spawn_blocking(move || work(&shared, &account))
                .await
                .unwrap_or_else(|error| Err(MailboxError(error.to_string())))
        })
    }
}

impl Mailboxes for LocalMailboxes {
    fn waiting<'a>(&'a self, account: &'a str) -> BoxFuture<'a, Result<Waiting, MailboxError>> {
        self.blocking(account, Shared::waiting)
    }

    fn done<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), MailboxError>> {
        let name = name.to_owned();
        self.blocking(account, move |shared, account| {
            shared.put_away(account, &name, None)
        })
    }

    fn set_aside<'a>(
        &'a self,
        account: &'a str,
        name: &'a str,
    ) -> BoxFuture<'a, Result<(), MailboxError>> {
        let name = name.to_owned();
        self.blocking(account, move |shared, account| {
            shared.put_away(account, &name, Some(FAILED))
        })
    }
}

impl Shared {
    fn root(&self) -> Result<OwnedFd, Errno> {
        fs::open(
            &self.path,
            DIRECTORY.difference(OFlags::NOFOLLOW),
            Mode::empty(),
        )
    }

    /// The account's Maildir; `None` where it has none.
    fn maildir(&self, account: &str) -> Result<Option<OwnedFd>, MailboxError> {
        let opened = self.root().and_then(|root| match one_component(account) {
            true => directory(&root, account),
            false => Err(Errno::INVAL),
        });
        match opened {
            Err(Errno::NOENT) if self.path.is_dir() => Ok(None),
            opened => opened
                .map(Some)
                .map_err(failed("cannot open", &self.path.join(account))),
        }
    }

    fn waiting(&self, account: &str) -> Result<Waiting, MailboxError> {
        let Some(maildir) = self.maildir(account)? else {
            return Ok(Waiting::default());
        };
        let shown = self.path.join(account).join(NEW);
        let new = match directory(&maildir, NEW) {
            // The mail server makes it with the first mail.
            Err(Errno::NOENT) => return Ok(Waiting::default()),
            new => new.map_err(failed("cannot open", &shown))?,
        };
        let listed = Listed::of(&new).map_err(failed("cannot list", &shown))?;
        let (mut more, mut bytes) = (listed.more, 0);
        let mut waiting = Waiting {
            stuck: listed.odd.then(|| {
                let shown = shown.display();
                format!("{shown} holds a mail whose name is not UTF-8: give it another name")
            }),
            ..Waiting::default()
        };
        for name in listed.names {
            if waiting.mails.len() >= MOST_MAILS || bytes >= MOST_BYTES {
                more = true;
                break;
            }
            match self.content(&new, &name) {
                // Somebody else took it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    let why = failed("cannot read", &shown.join(&name))(error);
                    waiting.stuck = Some(why.0);
                }
                Ok(content) => {
                    bytes += content.as_ref().map_or(0, Vec::len);
                    waiting.mails.push(Mail {
                        name,
                        content: content.map(Into::into),
                    });
                }
            }
        }
        waiting.more = more;
        Ok(waiting)
    }

    /// A mail, or why it can never be read.
    fn content(&self, new: &OwnedFd, name: &str) -> io::Result<Result<Vec<u8>, String>> {
        // Without waiting for somebody to open the other end of a pipe.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match fs::openat(new, name, flags, Mode::empty()) {
            Err(Errno::LOOP) => return Ok(Err("it is a symbolic link".into())),
            Err(Errno::NXIO) => return Ok(Err("it is no regular file".into())),
            file => file?,
        };
        if FileType::from_raw_mode(fs::fstat(&file)?.st_mode) != FileType::RegularFile {
            return Ok(Err("it is no regular file".into()));
        }
        let mut content = Vec::new();
        // One more than allowed tells too large from just fitting.
        File::from(file)
            .take(self.most_bytes.saturating_add(1))
            .read_to_end(&mut content)?;
        if content.len() as u64 > self.most_bytes {
            let most = self.most_bytes;
            return Ok(Err(format!("it has more than {most} bytes")));
        }
        Ok(Ok(content))
    }

    /// Moves a mail that waits to `cur`, of the Maildir itself or of a folder in it.
    fn put_away(
        &self,
        account: &str,
        name: &str,
        folder: Option<&str>,
    ) -> Result<(), MailboxError> {
        let shown = self.path.join(account).join(NEW).join(name);
        let Some(maildir) = self.maildir(account)? else {
            return Err(failed("cannot move", &shown)(Errno::NOENT));
        };
        let moved = || -> Result<(), Errno> {
            if !one_component(name) {
                return Err(Errno::INVAL);
            }
            let new = directory(&maildir, NEW)?;
            let cur = match folder {
                None => made(&maildir, CUR)?,
                Some(folder) => {
                    let folder = made(&maildir, folder)?;
                    // Mail readers expect all three.
                    made(&folder, NEW)?;
                    made(&folder, "tmp")?;
                    made(&folder, CUR)?
                }
            };
            let seen = if name.contains(INFO) {
                name.to_owned()
            } else {
                format!("{name}{INFO}{}", if folder.is_none() { "S" } else { "" })
            };
            fs::renameat(&new, name, &cur, &seen)
        };
        match moved() {
            // Somebody else took it.
            Err(Errno::NOENT) if gone(&maildir, name) => Ok(()),
            moved => moved.map_err(failed("cannot move", &shown)),
        }
    }
}

/// What stands in a directory of mails.
#[derive(Default)]
struct Listed {
    /// Oldest first: names begin with the time of delivery.
    names: Vec<String>,
    /// There are more than these.
    more: bool,
    /// There is one whose name is no text.
    odd: bool,
}

impl Listed {
    fn of(dir: &OwnedFd) -> Result<Self, Errno> {
        let mut listed = Self::default();
        for entry in fs::Dir::read_from(dir)? {
            match entry?.file_name().to_str() {
                Ok(name) if name.starts_with('.') => {}
                Ok(_) if listed.names.len() >= MOST_NAMES => listed.more = true,
                Ok(name) => listed.names.push(name.to_owned()),
                Err(_) => listed.odd = true,
            }
        }
        listed.names.sort_unstable();
        Ok(listed)
    }
}

fn directory(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    fs::openat(parent, name, DIRECTORY, Mode::empty())
}

/// The directory, made where it is missing.
fn made(parent: &OwnedFd, name: &str) -> Result<OwnedFd, Errno> {
    match fs::mkdirat(parent, name, Mode::RWXU | Mode::RWXG) {
        Err(error) if error != Errno::EXIST => Err(error),
        _ => directory(parent, name),
    }
}

fn gone(maildir: &OwnedFd, name: &str) -> bool {
    let stat =
        directory(maildir, NEW).and_then(|new| fs::statat(&new, name, AtFlags::SYMLINK_NOFOLLOW));
    stat.err() == Some(Errno::NOENT)
}

fn one_component(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0'])
}

fn failed<E: Into<io::Error>>(what: &str, path: &Path) -> impl FnOnce(E) -> MailboxError {
    let what = format!("{what} {}", path.display());
    move |error| MailboxError(format!("{what}: {}", error.into()))
}

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const NEW: &str = "new";
const CUR: &str = "cur";
const FAILED: &str = ".failed";
/// Where a name's flags begin in `cur`.
const INFO: &str = ":2,";
/// Most mails given at a time, and most bytes of them before no further one is begun.
const MOST_MAILS: usize = 64;
const MOST_BYTES: usize = 8 << 20;
/// Most names looked at; with more, the oldest of some.
const MOST_NAMES: usize = 10_000;

#[cfg(test)]
mod tests;
