//! `cargo xtask test`: sets up what is missing, then lints and every test, and closes with one line of counts.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{self, step};
use crate::project::Project;
use crate::{browser, check, page, setup};

/// Tests counted over all test programs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// Runs everything; lints that fail do not keep the tests from running.
pub(crate) fn test(project: &Project) -> Result<()> {
    setup::everything(project)?;
    let mut wrong: Vec<String> = check::all(project).into_iter().map(str::to_owned).collect();
    // The tests and the program in one go: a build without the tests' dependencies would unify features otherwise
    // and compile Burn a second time.
    step("build", "the program and its tests, release (the first time takes about ten minutes on two cores)");
    process::run(project.cargo().args(["build", "--release", "--workspace", "--bins", "--tests"]))?;
    setup::models(project)?;
    step("tests", "running");
    let (mut counts, good) = run_tests(project)?;
    if !good && counts.failed == 0 {
        wrong.push("a test program (see above)".to_owned());
    }
    match page::build(project).and_then(|dist| browser::test(project, &dist)) {
        Ok((in_browser, good)) => {
            if !good && in_browser.failed == 0 {
                wrong.push("the end-to-end tests (see above)".to_owned());
            }
            counts.join(in_browser);
        }
        Err(error) => {
            eprintln!("    {error:#}");
            wrong.push("the page".to_owned());
        }
    }
    if counts.passed == 0 {
        wrong.push("the tests: none ran".to_owned());
    }
    if !wrong.is_empty() {
        println!("\nfailed: {}", wrong.join(", "));
    }
    println!("\n{} passed, {} failed, {} skipped", counts.passed, counts.failed, counts.skipped);
    if !wrong.is_empty() || counts.failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

fn run_tests(project: &Project) -> Result<(Counts, bool)> {
    let mut command: Command = project.cargo();
    command
        .args(["test", "--release", "--workspace", "--no-fail-fast"])
        .env("GISTMAP_CACHE", &project.cache)
        .stdout(Stdio::piped());
    println!("    $ {}", process::shown(&command));
    let mut child = command.spawn().context("could not start cargo test")?;
    let lines = BufReader::new(child.stdout.take().context("cargo test has no output")?).lines();
    let mut counts = Counts::default();
    for line in lines {
        let line = line.context("could not read what cargo test prints")?;
        println!("{line}");
        counts.add(&line);
    }
    let status = child.wait().context("cargo test")?;
    Ok((counts, status.success()))
}

impl Counts {
    fn join(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    /// Takes the count of a line such as `ℹ pass 5`, with which `node --test` closes.
    pub(crate) fn add_node(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["ℹ", what, number] = words.as_slice() else { return };
        let Ok(number) = number.parse::<u64>() else { return };
        match *what {
            "pass" => self.passed += number,
            "fail" | "cancelled" => self.failed += number,
            "skipped" | "todo" => self.skipped += number,
            _ => {}
        }
    }

    /// Adds the counts of a line such as `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; ...`.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.trim().strip_prefix("test result:") else { return };
        for part in rest.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next().and_then(|word| word.parse::<u64>().ok()), words.next())
            else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_summed_over_test_programs() {
        let mut counts = Counts::default();
        counts.add("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.31s");
        counts.add("test image::tests::passed ... ok");
        counts.add("test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.02s");
        assert_eq!(counts, Counts { passed: 12, failed: 2, skipped: 1 });
    }

    #[test]
    fn counts_of_node_are_added() {
        let mut counts = Counts { passed: 1, failed: 0, skipped: 0 };
        for line in ["✔ pass 7 (3 ms)", "ℹ tests 9", "ℹ pass 5", "ℹ fail 1", "ℹ cancelled 1", "ℹ skipped 2"]
        {
            counts.add_node(line);
        }
        assert_eq!(counts, Counts { passed: 6, failed: 2, skipped: 2 });
    }
}
