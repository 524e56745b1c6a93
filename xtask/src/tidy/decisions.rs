//! Checks the decision records: one format, and an index that lists all of them in order.

use crate::Result;
use std::path::Path;

/// Their folder.
const FOLDER: &str = "docs/decisions";
/// The sections of each page, in this order.
const PARTS: [&str; 6] = [
    "\nDate: ",
    "\n**Question.**",
    "\n**Decision.**",
    "\n**Why.**",
    "\n**Alternatives.**",
    "\n**Consequences.**",
];

/// Checks every page and the index.
pub fn untidy(root: &Path) -> Result<Vec<String>> {
    let folder = root.join(FOLDER);
    let index = std::fs::read_to_string(folder.join("README.md"))?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name != "README.md" {
            names.push(name);
        }
    }
    names.sort_unstable();
    let mut findings = out_of_index(&index, &names);
    for name in names {
        let page = std::fs::read_to_string(folder.join(&name))?;
        findings.extend(misshapen(&name, &page));
    }
    Ok(findings)
}

/// The sorted pages that the index does not link to, or that it links to out of order.
fn out_of_index(index: &str, names: &[String]) -> Vec<String> {
    let mut last = 0;
    let mut findings = Vec::new();
    for name in names {
        match index.find(&format!("]({name})")) {
            None => findings.push(format!("{FOLDER}/README.md: does not list {name}")),
            Some(at) if at < last => findings.push(format!("{FOLDER}/README.md: lists {name} too early")),
            Some(at) => last = at,
        }
    }
    findings
}

/// What a page lacks.
fn misshapen(name: &str, page: &str) -> Option<String> {
    let number = name.get(..4).unwrap_or_default();
    if !page.starts_with(&format!("# {number}. ")) {
        return Some(format!("{FOLDER}/{name}: its title does not start with `# {number}. `"));
    }
    let mut rest = page;
    for part in PARTS {
        match rest.find(part) {
            Some(at) => rest = rest.get(at + 1..).unwrap_or_default(),
            None => return Some(format!("{FOLDER}/{name}: {} is missing or out of order", part.trim())),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# 0007. Title\n\nDate: 2026-11-29\n\n**Question.** a\n\n**Decision.** b\n\n**Why.** c\n\n\
                        **Alternatives.** d\n\n**Consequences.** e\n";

    #[test]
    fn a_decision_in_another_format_is_found() {
        let found = |page: &str| misshapen("0007-title.md", page);
        assert_eq!(found(PAGE), None);
        assert!(found(&PAGE.replace("# 0007.", "# 7.")).unwrap().contains("title"));
        assert!(found(&PAGE.replace("**Why.** c\n\n", "")).unwrap().contains("**Why.**"));
        assert!(found(&PAGE.replace("Date: 2026-11-29\n", "")).unwrap().contains("Date:"));
    }

    #[test]
    fn the_index_of_decisions_is_complete_and_ordered() {
        let names = ["0001-a.md".to_owned(), "0002-b.md".to_owned()];
        assert!(out_of_index("[a](0001-a.md) [b](0002-b.md)", &names).is_empty());
        assert!(out_of_index("[b](0002-b.md) [a](0001-a.md)", &names)[0].contains("too early"));
        assert!(out_of_index("[a](0001-a.md)", &names)[0].contains("does not list 0002-b.md"));
    }
}
