//! Asks the SSH agent for its public keys (draft-ietf-sshm-ssh-agent). An agent that does not answer has none.

#[cfg(unix)]
use crate::environment;
#[cfg(unix)]
use crate::tuning::AGENT_PATIENCE;
#[cfg(unix)]
use base64::Engine as _;
#[cfg(unix)]
use std::io::{Read as _, Write as _};

/// SSH_AGENTC_REQUEST_IDENTITIES, in a packet of one byte.
#[cfg(unix)]
const REQUEST: [u8; 5] = [0, 0, 0, 1, 11];
/// SSH_AGENT_IDENTITIES_ANSWER.
#[cfg(unix)]
const ANSWER: u8 = 12;
/// The largest answer that OpenSSH reads.
#[cfg(unix)]
const LARGEST: usize = 256 << 10;

/// The public keys of the agent, as lines of a .pub file.
#[cfg(unix)]
pub fn keys() -> Vec<String> {
    let Some(path) = environment::variable("SSH_AUTH_SOCK") else { return Vec::new() };
    let answer = || -> std::io::Result<Vec<u8>> {
        let mut agent = std::os::unix::net::UnixStream::connect(path)?;
        agent.set_read_timeout(Some(AGENT_PATIENCE))?;
        agent.set_write_timeout(Some(AGENT_PATIENCE))?;
        agent.write_all(&REQUEST)?;
        let mut length = [0; 4];
        agent.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        let mut answer = vec![0; length.min(LARGEST)];
        agent.read_exact(&mut answer)?;
        Ok(answer)
    };
    answer().map(|answer| parse(&answer)).unwrap_or_default()
}

#[cfg(not(unix))]
pub fn keys() -> Vec<String> {
    Vec::new()
}

/// The keys of an answer: how many, then for each its encoded key and its comment.
#[cfg(unix)]
fn parse(answer: &[u8]) -> Vec<String> {
    let Some((&ANSWER, rest)) = answer.split_first() else { return Vec::new() };
    let Some((count, mut rest)) = rest.split_first_chunk::<4>() else { return Vec::new() };
    let mut keys = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let Some((blob, comment, after)) = identity(rest) else { return keys };
        rest = after;
        let kind =
            field(blob).map(|(kind, _)| String::from_utf8_lossy(kind).into_owned()).unwrap_or_default();
        let encoded = base64::engine::general_purpose::STANDARD.encode(blob);
        let comment = String::from_utf8_lossy(comment).replace(['\n', '\r'], " ");
        keys.push(format!("{kind} {encoded} {comment}").trim_end().to_owned());
    }
    keys
}

#[cfg(unix)]
fn identity(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (blob, rest) = field(bytes)?;
    let (comment, rest) = field(rest)?;
    Some((blob, comment, rest))
}

/// A field after its length, and what follows.
#[cfg(unix)]
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn packed(field: &[u8]) -> Vec<u8> {
        [&(field.len() as u32).to_be_bytes()[..], field].concat()
    }

    #[test]
    fn the_keys_of_an_agent_are_lines_of_a_pub_file() {
        let blob = [packed(b"ssh-ed25519"), packed(&[7; 32])].concat();
        let whole = [&[ANSWER, 0, 0, 0, 1][..], &packed(&blob), &packed(b"me@home")].concat();
        let keys = parse(&whole);
        assert_eq!(keys.len(), 1);
        assert!(keys[0].starts_with("ssh-ed25519 AAAAC3") && keys[0].ends_with(" me@home"), "{keys:?}");
        // An answer that is cut off or odd has no key, and nothing panics.
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_empty(), "{end}");
        }
        assert!(parse(&[5, 0, 0, 0, 1]).is_empty());
        assert!(parse(&[ANSWER, 255, 255, 255, 255, 255, 255, 255, 255]).is_empty());
    }
}
