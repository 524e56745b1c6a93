//! Asks questions, one line each, and takes the answers from flags, from the person or from the defaults.
//!
//! Lines instead of menus, so that a screen reader, a narrow terminal and a script can follow. It must not know what is asked.

use super::matching::{Candidate, Meaning, in_full, typed};
use crate::config::nearest;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::{clean, wrap};
use oci_api::Ocid;
use tokio_util::sync::CancellationToken;

/// How many choices are shown at once; a part of the name finds the others.
const SHOWN: usize = 10;
/// What is said to an empty line where there is no default.
const NO_ANSWER: &str = "an answer is needed; Ctrl-C ends the set-up without writing a config";

/// A question.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What is asked for: `shape`.
    pub what: &'static str,
    /// The flag that answers it.
    pub flag: &'static str,
    /// The answer of the flag.
    pub given: Option<&'a str>,
    /// The resource types of an OCID that is an answer although no list contains it.
    pub kinds: &'static [&'static str],
    /// Whether the list is known to lack nothing, so that its only entry is the answer.
    pub is_complete: bool,
}

/// Who answers what no flag does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    /// A person on the terminal.
    Typed,
    /// The defaults, after `--yes`.
    Defaults,
    /// Nobody: the questions are collected and named.
    Nobody,
}

/// Asks the questions of one command.
pub struct Asking {
    answers: Answers,
    quiet: bool,
    stop: CancellationToken,
    /// Every flag in the order of the questions, and whether it was given.
    flags: Vec<(&'static str, bool)>,
    missing: Vec<&'static str>,
    /// Whether a key was made, which stays if the command ends early.
    pub has_kept_key: bool,
}

impl Asking {
    /// `flags` are those of all questions in their order, with whether each is given.
    pub fn new(yes: bool, quiet: bool, stop: &CancellationToken, flags: Vec<(&'static str, bool)>) -> Self {
        let answers = match (yes, console::can_ask()) {
            (true, _) => Answers::Defaults,
            (false, true) => Answers::Typed,
            (false, false) => Answers::Nobody,
        };
        Self { answers, quiet, stop: stop.clone(), flags, missing: Vec::new(), has_kept_key: false }
    }

    /// Whether a person answers.
    pub fn is_typed(&self) -> bool {
        self.answers == Answers::Typed
    }

    /// A message for the person.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            console::line(&wrap(text, console::width_for_people()));
        }
    }

    /// Chooses one of several. An OCID that is in no list may be the answer too.
    ///
    /// # Errors
    /// When the flag does not name one of them, or nobody can answer.
    pub async fn choose(
        &mut self,
        question: Question<'_>,
        choices: &[Candidate],
        default: Option<usize>,
    ) -> Result<Candidate, CommandError> {
        if let Some(given) = question.given {
            return Self::of_flag(question, choices, given);
        }
        if let [only] = choices
            && question.is_complete
        {
            self.say(&format!("{}: {} (the only one)", question.what, clean(&only.line())));
            return Ok(only.clone());
        }
        let default = default.and_then(|at| choices.get(at));
        match self.answers {
            Answers::Typed => self.choose_typed(question, choices, default).await,
            _ => self.untyped(question, default.cloned(), Candidate::line),
        }
    }

    fn of_flag(
        question: Question<'_>,
        choices: &[Candidate],
        given: &str,
    ) -> Result<Candidate, CommandError> {
        let Question { what, flag, .. } = question;
        match in_full(choices, given) {
            Meaning::One(at) => Ok(choices[at].clone()),
            Meaning::Several(found) => Err(CommandError::usage(
                format!("{flag} {given}: {} are called so", found.len()),
                format!("give one of: {}", listed(found.iter().map(|at| candidate(&choices[*at])))),
            )),
            Meaning::Nothing if is_ocid(given, question.kinds) => Ok(unlisted(given)),
            Meaning::Nothing => {
                let near = nearest(given, choices.iter().map(|choice| choice.name.as_str()));
                let near = near.map(|near| format!("did you mean {}? ", clean(near))).unwrap_or_default();
                let names = choices.iter().map(|choice| clean(&choice.name));
                let hint = format!("{near}There are: {}", listed(names));
                Err(CommandError::usage(format!("{flag} {given}: there is no such {what}"), hint))
            }
        }
    }

    async fn choose_typed(
        &self,
        question: Question<'_>,
        choices: &[Candidate],
        default: Option<&Candidate>,
    ) -> Result<Candidate, CommandError> {
        let all: Vec<usize> = (0..choices.len()).collect();
        let mut shown = self.show(question.what, choices, &all);
        let enter = default.map(|choice| format!(" [{}]", clean(&choice.name)));
        let how = if choices.is_empty() { " (OCID)" } else { "" };
        let prompt = format!("{}{how}{}:", question.what, enter.unwrap_or_default());
        loop {
            let answer = self.line(&prompt).await?;
            if answer == "?" {
                shown = self.show_all(choices);
                continue;
            }
            if answer.is_empty() {
                match default {
                    Some(default) => return Ok(default.clone()),
                    None => self.say(NO_ANSWER),
                }
                continue;
            }
            match typed(choices, &shown, &answer) {
                Meaning::One(at) => return Ok(choices[at].clone()),
                Meaning::Several(found) => {
                    self.say(&format!("{} contain \"{}\":", found.len(), clean(&answer)));
                    shown = self.show(question.what, choices, &found);
                }
                Meaning::Nothing if is_ocid(&answer, question.kinds) => return Ok(unlisted(&answer)),
                Meaning::Nothing => self.say(&format!(
                    "no {} matches \"{}\"; type a number or a part of a name, or ? to see all",
                    question.what,
                    clean(&answer)
                )),
            }
        }
    }

    /// Shows some choices with numbers and returns those that have one.
    fn show(&self, what: &str, choices: &[Candidate], some: &[usize]) -> Vec<usize> {
        let shown: Vec<usize> = some.iter().copied().take(SHOWN).collect();
        if !shown.is_empty() {
            self.say("");
        }
        self.print(choices, &shown);
        if some.len() > shown.len() {
            self.say(&format!(
                "and {} more: type a part of the name of the {what}, or ? to see all",
                some.len() - shown.len()
            ));
        }
        shown
    }

    fn show_all(&self, choices: &[Candidate]) -> Vec<usize> {
        let all: Vec<usize> = (0..choices.len()).collect();
        self.print(choices, &all);
        all
    }

    fn print(&self, choices: &[Candidate], shown: &[usize]) {
        for (number, at) in shown.iter().enumerate() {
            self.item(number + 1, &choices[*at].line());
        }
    }

    /// An entry of a list, with its further lines below the text of the first.
    pub fn item(&self, number: usize, text: &str) {
        const MARGIN: usize = 6;
        let width = console::width_for_people().map(|width| width.saturating_sub(MARGIN));
        let text = wrap(&clean(text), width).replace('\n', &format!("\n{:MARGIN$}", ""));
        if !self.quiet {
            console::line(&format!("{number:>4}  {text}"));
        }
    }

    /// Asks for a text, which `check` accepts or refuses with a reason.
    ///
    /// # Errors
    /// When the flag's answer is refused, or nobody can answer.
    pub async fn text(
        &mut self,
        question: Question<'_>,
        default: Option<String>,
        check: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<String, CommandError> {
        let Question { what, flag, given, .. } = question;
        if let Some(given) = given {
            return check(given)
                .map_err(|why| CommandError::usage(format!("{flag} {given}: {why}"), "correct the value"));
        }
        if self.answers != Answers::Typed {
            return self.untyped(question, default, Clone::clone);
        }
        let enter = default.as_ref().map(|default| format!(" [{}]", clean(default)));
        let prompt = format!("{what}{}:", enter.unwrap_or_default());
        loop {
            let typed = self.line(&prompt).await?;
            let Some(answer) = default
                .clone()
                .filter(|_| typed.is_empty())
                .or(Some(typed).filter(|typed| !typed.is_empty()))
            else {
                self.say(NO_ANSWER);
                continue;
            };
            match check(&answer) {
                Ok(answer) => return Ok(answer),
                Err(why) => self.say(&format!("{}: {why}", clean(&answer))),
            }
        }
    }

    /// Reads one line.
    ///
    /// # Errors
    /// When the person interrupts, or the input ends.
    pub async fn line(&self, prompt: &str) -> Result<String, CommandError> {
        let answer = console::ask_text(prompt, &self.stop).await?;
        // Even an empty line has its line break; without one, the input has ended.
        if answer.is_empty() {
            console::line("");
            return Err(CommandError::usage(
                "the input ended before the last answer: no config was written",
                "run the command again, or answer with flags",
            ));
        }
        Ok(answer.trim().to_owned())
    }

    /// The default, where nobody types. Without `--yes` it only serves to find out which other answers are missing.
    fn untyped<T>(
        &mut self,
        question: Question<'_>,
        default: Option<T>,
        shown: impl Fn(&T) -> String,
    ) -> Result<T, CommandError> {
        let is_taken = self.answers == Answers::Defaults && default.is_some();
        if !is_taken {
            self.missing.push(question.flag);
        }
        match default {
            Some(default) => {
                if is_taken {
                    self.say(&format!("{}: {}", question.what, clean(&shown(&default))));
                }
                Ok(default)
            }
            None => Err(self.unanswered(Some(question.flag))),
        }
    }

    /// Ends the questions.
    ///
    /// # Errors
    /// When an answer is missing; the error names all of them.
    pub fn finish(&self) -> Result<(), CommandError> {
        if self.missing.is_empty() { Ok(()) } else { Err(self.unanswered(None)) }
    }

    /// The error for missing answers. If the questions end early, those that were not reached are among them.
    fn unanswered(&self, last: Option<&str>) -> CommandError {
        let reached = last.and_then(|last| self.flags.iter().position(|(flag, _)| *flag == last));
        let after = reached.map_or(self.flags.len(), |at| at + 1);
        let unreached =
            self.flags.iter().skip(after).filter(|(_, is_given)| !is_given).map(|(flag, _)| *flag);
        let mut missing = self.missing.clone();
        if self.answers == Answers::Nobody {
            missing.extend(unreached);
        }
        let missing = missing.join(", ");
        if self.answers == Answers::Defaults {
            return CommandError::usage(
                format!("nothing was written: there is no default for {missing}"),
                "add the flag",
            );
        }
        CommandError::usage(
            format!("nothing was written: without a terminal, these answers are missing: {missing}"),
            "add the flags, or --yes to take the default of each question that has one",
        )
    }
}

/// What tells two choices of the same name apart.
fn candidate(choice: &Candidate) -> String {
    if choice.value == choice.name {
        clean(&choice.name)
    } else {
        format!("{} ({})", clean(&choice.name), clean(&choice.value))
    }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match names.len() {
        0 => "none".to_owned(),
        few if few <= SHOWN * 2 => names.join(", "),
        many => format!("{}, and {} more", names[..SHOWN * 2].join(", "), many - SHOWN * 2),
    }
}

fn is_ocid(text: &str, kinds: &[&str]) -> bool {
    Ocid::parse(text).is_ok_and(|ocid| kinds.contains(&ocid.resource_type))
}

fn unlisted(ocid: &str) -> Candidate {
    Candidate { value: ocid.to_owned(), ..Candidate::default() }
}
