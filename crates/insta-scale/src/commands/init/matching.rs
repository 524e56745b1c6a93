//! Which of several possible answers a text means. Pure.

/// One possible answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// What the config gets: an OCID or a name.
    pub value: String,
    /// Its name, by which people choose it.
    pub name: String,
    /// Other names that mean only this answer if they are given in full.
    pub also: Vec<String>,
    /// What helps to decide, shown after the name.
    pub about: String,
}

impl Candidate {
    /// An answer whose value is its name.
    pub fn named(name: impl Into<String>, about: impl Into<String>) -> Self {
        let name = name.into();
        Self { value: name.clone(), name, also: Vec::new(), about: about.into() }
    }

    /// The name and what is known about it.
    pub fn line(&self) -> String {
        if self.about.is_empty() { self.name.clone() } else { format!("{}: {}", self.name, self.about) }
    }

    fn is_called(&self, text: &str) -> bool {
        self.value == text || self.names().any(|name| name.eq_ignore_ascii_case(text))
    }

    fn contains(&self, part: &str) -> bool {
        self.names().any(|name| name.to_lowercase().contains(part))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.also.iter().map(String::as_str))
    }
}

/// What a text means, by positions in the list of choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// One answer.
    One(usize),
    /// It could be any of these.
    Several(Vec<usize>),
    /// None of them.
    Nothing,
}

/// The choices with exactly this value or name, as a flag must give it.
pub fn in_full(choices: &[Candidate], text: &str) -> Meaning {
    meaning(choices, |choice| choice.is_called(text))
}

/// What a typed text means: a number of the list that was `shown`, a whole name, or a part of one.
pub fn typed(choices: &[Candidate], shown: &[usize], text: &str) -> Meaning {
    let number = text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    if let Some(position) = number.and_then(|number| shown.get(number)) {
        return Meaning::One(*position);
    }
    match in_full(choices, text) {
        Meaning::Nothing => {
            let part = text.to_lowercase();
            meaning(choices, |choice| choice.contains(&part))
        }
        found => found,
    }
}

fn meaning(choices: &[Candidate], fits: impl Fn(&Candidate) -> bool) -> Meaning {
    let found: Vec<usize> =
        choices.iter().enumerate().filter(|(_, one)| fits(one)).map(|(at, _)| at).collect();
    match found.as_slice() {
        [] => Meaning::Nothing,
        [one] => Meaning::One(*one),
        _ => Meaning::Several(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices() -> Vec<Candidate> {
        let mut web = Candidate::named("prod/web", "");
        web.also = vec!["web".to_owned()];
        let mut other = Candidate::named("dev/web", "");
        other.also = vec!["web".to_owned()];
        vec![
            web,
            other,
            Candidate::named("db", ""),
            Candidate::named("db-old", ""),
            Candidate::named("2", ""),
        ]
    }

    #[test]
    fn a_number_means_the_list_that_was_shown() {
        assert_eq!(typed(&choices(), &[3, 1], "2"), Meaning::One(1));
        assert_eq!(typed(&choices(), &[3], "2"), Meaning::One(4), "a name where no number fits");
        assert_eq!(typed(&choices(), &[0, 1], "0"), Meaning::Nothing);
    }

    #[test]
    fn a_whole_name_wins_over_a_part_of_another() {
        assert_eq!(typed(&choices(), &[], "DB"), Meaning::One(2));
        assert_eq!(typed(&choices(), &[], "db-"), Meaning::One(3));
        assert_eq!(typed(&choices(), &[], "prod"), Meaning::One(0));
        assert_eq!(typed(&choices(), &[], "web"), Meaning::Several(vec![0, 1]));
        assert_eq!(typed(&choices(), &[], "nothing"), Meaning::Nothing);
    }

    #[test]
    fn a_flag_must_give_the_whole_name() {
        assert_eq!(in_full(&choices(), "dev/WEB"), Meaning::One(1));
        assert_eq!(in_full(&choices(), "dev"), Meaning::Nothing);
        assert_eq!(in_full(&choices(), "web"), Meaning::Several(vec![0, 1]));
    }
}
