use std::os::unix::fs::PermissionsExt;

use austin_testkit::SeededEntropy;
use proptest::prelude::*;

use super::*;

const ONE: &str = "1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const TWO: &str = "2:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

fn vault(keys: &str) -> Vault {
    Vault::new(Keys::parse(keys).unwrap(), Arc::new(SeededEntropy::new(7)))
}

fn open_dir(dir: &Path, given: Option<&str>) -> Result<Vault, Error> {
    Vault::open_dir(dir, given, Arc::new(SeededEntropy::new(7)))
}

proptest! {
    #[test]
    fn what_was_sealed_opens_in_its_place_only(
        plain: Vec<u8>, aad: Vec<u8>, other: Vec<u8>, at: prop::sample::Index, flip in 1u8..,
    ) {
        let vault = vault(ONE);
        let mut sealed = vault.seal(&plain, &aad);
        prop_assert_eq!(sealed.len(), 41 + plain.len());
        let opened = vault.open(&sealed, &aad);
        prop_assert_eq!(opened.as_deref(), Ok(&plain));
        if other != aad {
            prop_assert_eq!(vault.open(&sealed, &other), Err(Unsealable::Damaged));
        }
        let at = at.index(sealed.len());
        sealed[at] ^= flip;
        prop_assert!(vault.open(&sealed, &aad).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_open(bytes: Vec<u8>) {
        prop_assert!(vault(ONE).open(&bytes, b"").is_err());
    }
}

#[test]
fn the_same_secret_never_looks_the_same_twice() {
    let vault = vault(ONE);
    assert_ne!(vault.seal(b"code", b"a"), vault.seal(b"code", b"a"));
}

#[test]
fn rotation_keeps_old_values_readable() {
    let old = vault(ONE).seal(b"old", b"a");
    let both = vault(&format!("{TWO},{ONE}"));
    assert_eq!(both.open(&old, b"a").unwrap().as_slice(), b"old");
    assert!(!both.is_current(&old));
    let new = both.seal(b"new", b"a");
    assert!(both.is_current(&new));
    assert_eq!(vault(ONE).open(&new, b"a"), Err(Unsealable::UnknownKey(2)));
    // The key id is authenticated: relabelling does not help.
    let same_key_other_id = vault("9:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
    let mut relabelled = old;
    relabelled[0] = 9;
    assert_eq!(
        same_key_other_id.open(&relabelled, b"a"),
        Err(Unsealable::Damaged)
    );
}

#[test]
fn keys_are_read_strictly() {
    let parse = |text: &str| Keys::parse(text).map(|keys| keys.active().0);
    assert_eq!(parse(&format!("# note\n\n {TWO} \n{ONE}\n")), Ok(2));
    assert_eq!(parse(ONE.strip_prefix("1:").unwrap()), Ok(1));
    assert_eq!(parse("# nothing\n"), Err(BadKeys::None));
    assert_eq!(parse("0:AQ=="), Err(BadKeys::Id { place: 1 }));
    assert_eq!(
        parse(&format!("{ONE},2:c2hvcnQ=")),
        Err(BadKeys::Key { place: 2 })
    );
    assert_eq!(
        parse(&format!("{ONE}\n{ONE}")),
        Err(BadKeys::Twice { id: 1 })
    );
}

#[test]
fn nothing_is_shown() {
    let keys = Keys::parse(ONE).unwrap();
    assert_eq!(
        format!("{keys:?} {:?}", vault(ONE)),
        "Keys { .. } Vault { .. }"
    );
    let error = Keys::parse("1:AQEBAQEB").unwrap_err().to_string();
    assert!(!error.contains("AQEB"), "{error}");
}

#[test]
fn the_first_start_makes_a_key_and_the_next_one_finds_it() {
    let dir = tempfile::tempdir().unwrap();
    let sealed = open_dir(dir.path(), None).unwrap().seal(b"s", b"");
    let mode = std::fs::metadata(dir.path().join("master.key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = open_dir(dir.path(), None).unwrap();
    assert_eq!(again.open(&sealed, b"").unwrap().as_slice(), b"s");

    let other = tempfile::tempdir().unwrap();
    let stranger = open_dir(other.path(), None).unwrap();
    assert!(stranger.open(&sealed, b"").is_err(), "keys differ");
}

#[test]
fn a_given_key_wins_and_is_not_written_down() {
    let dir = tempfile::tempdir().unwrap();
    let given = open_dir(dir.path(), Some(ONE)).unwrap();
    assert!(!dir.path().join("master.key").exists());
    let sealed = vault(ONE).seal(b"s", b"");
    assert_eq!(given.open(&sealed, b"").unwrap().as_slice(), b"s");
    let error = open_dir(dir.path(), Some("nonsense")).unwrap_err();
    assert!(error.to_string().contains("environment"), "{error}");
}

#[test]
fn no_new_key_is_made_beside_old_data() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("control.db"), "").unwrap();
    let error = open_dir(dir.path(), None).unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    assert!(!dir.path().join("master.key").exists());
}

#[test]
fn a_key_others_can_read_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    open_dir(dir.path(), None).unwrap();
    let path = dir.path().join("master.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let error = open_dir(dir.path(), None).unwrap_err().to_string();
    assert!(
        error.contains("640") && error.contains("chmod 600"),
        "{error}"
    );
}
