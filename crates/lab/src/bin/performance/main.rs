//! `performance RESULTS DOCS`: writes the results of the benchmarks (`bench.json`, `peers.json`, `runs.json` in the folder
//! RESULTS) into DOCS/performance.md, between its markers, and draws DOCS/plots/performance-*.svg. If one of the files is
//! missing, its part stays unchanged.

mod plots;
mod tables;

use serde_json::Value;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [results, docs] = arguments.as_slice() else { return Err("usage: performance RESULTS DOCS".into()) };
    let (results, docs) = (Path::new(results), Path::new(docs));
    let [bench, peers, runs] = ["bench", "peers", "runs"].map(|name| {
        let text = std::fs::read_to_string(results.join(format!("{name}.json"))).ok()?;
        serde_json::from_str::<Value>(&text).ok()
    });
    let page = docs.join("performance.md");
    let mut text = std::fs::read_to_string(&page)?;
    let plot =
        |name: &str, svg: String| std::fs::write(docs.join(format!("plots/performance-{name}.svg")), svg);
    if let Some(bench) = &bench {
        text = put(&text, "processes", &tables::processes(bench))?;
        text = put(&text, "parts", &tables::parts(&bench["parts"]))?;
        text = put(&text, "by-count", &tables::by_count(&bench["launches"]["by_count"]))?;
        plot("by-count", plots::by_count(&bench["launches"]["by_count"]))?;
    }
    if let Some(peers) = &peers {
        text = put(&text, "peers", &tables::peers(peers))?;
        text = put(&text, "peers-ratios", &tables::peers_ratios(peers))?;
        plot("peers", plots::running(peers))?;
        plot("requests", plots::requests(peers))?;
        plot("rate", plots::rate(peers))?;
    }
    if let Some(runs) = &runs {
        text = put(&text, "runs", &tables::runs(runs))?;
    }
    Ok(std::fs::write(page, text)?)
}

/// Replaces the text between the markers `<!-- name -->` and `<!-- /name -->`.
fn put(text: &str, name: &str, table: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let missing = || format!("the page has no markers {} … {end}", begin.trim_end());
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{table}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::put;

    #[test]
    fn a_table_replaces_the_old_one_and_nothing_else() {
        let page = "a\n<!-- t -->\nold\n<!-- /t -->\nb";
        let once = put(page, "t", "| new |\n").unwrap();
        assert_eq!(once, "a\n<!-- t -->\n\n| new |\n\n<!-- /t -->\nb");
        assert_eq!(put(&once, "t", "| new |\n").unwrap(), once);
        assert!(put(page, "u", "").is_err());
    }
}
