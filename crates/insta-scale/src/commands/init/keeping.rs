//! Keeps what a file says among the choices of a question. Pure.

use super::matching::{Candidate, Meaning, in_full};
use oci_api::Ocid;

/// The default of a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proposed {
    /// Its position among the choices.
    pub at: Option<usize>,
    /// Whether the file says it.
    pub is_present: bool,
    /// Whether the file says something that cannot be chosen any more, so that nothing else may be taken without asking.
    pub is_lost: bool,
}

impl Proposed {
    /// The choice that the file says.
    pub fn present_in(self, choices: &[Candidate]) -> Option<&Candidate> {
        self.at.filter(|_| self.is_present).and_then(|at| choices.get(at))
    }
}

/// What may stay an answer although no list contains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// Nothing: it would be in the list.
    Nothing,
    /// An OCID, which may be hidden or elsewhere. A name could be looked up by nobody.
    Ocid,
    /// Any text.
    Anything,
}

/// Proposes what the file says, otherwise the `usual` choice.
pub fn propose(
    choices: &mut Vec<Candidate>,
    present: Option<&str>,
    unlisted: Unlisted,
    usual: Option<usize>,
) -> Proposed {
    let Some(present) = present else { return Proposed { at: usual, ..Proposed::default() } };
    if let Meaning::One(at) = in_full(choices, present) {
        return Proposed { at: Some(at), is_present: true, is_lost: false };
    }
    let may_stay = match unlisted {
        Unlisted::Nothing => false,
        Unlisted::Ocid => Ocid::parse(present).is_ok(),
        Unlisted::Anything => true,
    };
    if !may_stay {
        return Proposed { is_lost: true, ..Proposed::default() };
    }
    choices.insert(0, Candidate { about: "as in the file".to_owned(), ..Candidate::named(present, "") });
    Proposed { at: Some(0), is_present: true, is_lost: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OCID: &str = "ocid1.subnet.oc1.phx.aaaa";

    #[test]
    fn what_the_file_says_is_never_replaced_silently() {
        let listed = || vec![Candidate::named("app", ""), Candidate::named("db", "")];
        let all = |present, unlisted| propose(&mut listed(), present, unlisted, Some(0));
        assert_eq!(all(None, Unlisted::Ocid), Proposed { at: Some(0), is_present: false, is_lost: false });
        assert_eq!(all(Some("DB"), Unlisted::Nothing).at, Some(1));
        for (present, unlisted) in [(OCID, Unlisted::Nothing), ("gone", Unlisted::Ocid)] {
            assert_eq!(all(Some(present), unlisted), Proposed { at: None, is_present: false, is_lost: true });
        }
        let mut choices = listed();
        let kept = propose(&mut choices, Some(OCID), Unlisted::Ocid, Some(1));
        assert_eq!((kept.at, choices[0].value.as_str(), choices.len()), (Some(0), OCID, 3));
    }
}
