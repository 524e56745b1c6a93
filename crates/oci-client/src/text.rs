//! Makes text from outside safe to show on a terminal.

/// The maximum number of characters shown of a server's text.
pub const SHOWN: usize = 500;

/// Returns `text` on one line, without control characters, escape sequences and invisible direction marks, and no longer than
/// `limit` characters (an ellipsis marks a cut).
///
/// Otherwise a server, or whatever answers in its place, could repaint the terminal or hide text in a log.
pub fn plain(text: &str, limit: usize) -> String {
    let mut out = String::new();
    let mut count = 0;
    let mut gap = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_until_final(&mut chars),
            _ if c.is_whitespace() => gap = !out.is_empty(),
            _ if c.is_control() || is_invisible(c) => {}
            _ if count >= limit => {
                out.push('…');
                break;
            }
            _ => {
                if std::mem::take(&mut gap) {
                    out.push(' ');
                    count += 1;
                }
                out.push(c);
                count += 1;
            }
        }
    }
    out
}

/// Skips an escape sequence after its ESC: a CSI sequence up to its final byte, an OSC string up to its terminator, otherwise
/// one character.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            skip_until_final(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = chars.next() {
                match c {
                    '\u{7}' | '\u{9c}' => break,
                    '\u{1b}' => {
                        chars.next_if_eq(&'\\');
                        break;
                    }
                    _ => {}
                }
            }
        }
        Some(c) if c.is_ascii_graphic() => {
            chars.next();
        }
        _ => {}
    }
}

/// Skips the rest of a CSI sequence: parameters, then one final byte in `@`..`~`.
fn skip_until_final(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next_if(|c| (' '..='~').contains(c)) {
        if ('@'..='~').contains(&c) {
            break;
        }
    }
}

/// Zero-width and direction-changing characters.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_are_gone_and_words_stay() {
        assert_eq!(plain("\u{1b}[31mred\u{1b}[0m\r\n alert\u{7}", 99), "red alert");
        assert_eq!(plain("a\u{1b}]0;title\u{7}b\u{1b}]8;;http://x\u{1b}\\c", 99), "abc");
        assert_eq!(plain("safe\u{202e}txt.exe \u{9b}2Jend", 99), "safetxt.exe end");
        assert_eq!(plain("abcdef", 3), "abc…");
        assert_eq!(plain("  Out of host capacity. ", 99), "Out of host capacity.");
    }

    proptest! {
        #[test]
        fn no_control_character_survives_and_the_length_is_bounded(text in "\\PC*|.*", limit in 0usize..80) {
            let shown = plain(&text, limit);
            prop_assert!(shown.chars().all(|c| !c.is_control() && !is_invisible(c)));
            prop_assert!(shown.chars().count() <= limit + 2);
        }
    }
}
