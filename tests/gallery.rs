//! The gallery: every entry's link, words and picture, and that its story tells what the page computes.

#[path = "../examples/gallery/canvas.rs"]
#[allow(dead_code, reason = "pictures are only read here")]
mod canvas;
#[path = "../examples/gallery/draw.rs"]
mod draw;
#[path = "../examples/gallery/entry.rs"]
mod entry;
#[path = "gallery/facts.rs"]
mod facts;
#[path = "../examples/gallery/scene.rs"]
mod scene;

use std::collections::BTreeSet;

use attention_playground::experiment::{decode, encode};
use canvas::Canvas;
use draw::SIZE;

/// All pictures together: they are part of every copy of the page.
const MOST_BYTES: u64 = 600_000;
/// By how much a channel of a pixel may differ from the committed picture: one step of a ramp, where another platform's exponential tips a rounding.
const STEP: u8 = 12;
/// Share of the pixels that may differ at all.
const TIPPED: f64 = 0.002;

#[test]
fn names_are_unique_and_fit_into_addresses() {
    let entries = entry::all().unwrap();
    assert!(entries.len() >= 18);
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("{} experiments that tell a story", entries.len())));
    let slugs: BTreeSet<_> = entries.iter().map(|entry| entry.slug.as_str()).collect();
    assert_eq!(slugs.len(), entries.len());
    for slug in slugs {
        let words = slug
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        assert!(words, "{slug}");
    }
}

#[test]
fn links_open_as_they_are_written() {
    for entry in entry::all().unwrap() {
        for link in std::iter::once(&entry.link).chain(&entry.beside) {
            let opened = decode(link);
            assert_eq!(opened.problems, [], "{}", entry.slug);
            assert_eq!(encode(&opened.experiment), *link, "{}", entry.slug);
        }
    }
}

#[test]
fn both_languages_tell_the_same_story() {
    for entry in entry::all().unwrap() {
        let slug = &entry.slug;
        let is_chinese = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        for (en, zh) in [(&entry.title.en, &entry.title.zh), (&entry.about.en, &entry.about.zh)] {
            assert!(!en.is_empty() && !is_chinese(en), "{slug}: {en}");
            assert!(is_chinese(zh), "{slug}: {zh}");
        }
        assert!(entry.about.en.len() <= 100, "{slug}: {} letters", entry.about.en.len());
        // The map is where stories are told unless they say otherwise.
        assert_ne!(entry.view, Some(entry::View::Map), "{slug}");
        assert!((3..=6).contains(&entry.story.en.len()), "{slug}: {} sentences", entry.story.en.len());
        assert_eq!(entry.story.en.len(), entry.story.zh.len(), "{slug}");
        assert!(entry.story.en.iter().all(|text| !text.is_empty() && !is_chinese(text)), "{slug}");
        assert!(entry.story.zh.iter().all(|text| is_chinese(text)), "{slug}");
    }
}

#[test]
fn every_picture_is_what_its_link_computes() {
    let (mut bytes, mut files) = (0, BTreeSet::new());
    for entry in entry::all().unwrap() {
        let path = entry::folder().join(format!("{}.png", entry.slug));
        bytes += std::fs::metadata(&path).unwrap_or_else(|_| panic!("{} is missing", path.display())).len();
        let (kept, drawn) = (Canvas::open(&path).unwrap(), draw::draw(&entry).unwrap());
        assert_eq!([kept.width, kept.height], SIZE, "{}", entry.slug);
        let differences = kept
            .pixels
            .iter()
            .zip(&drawn.pixels)
            .map(|(a, b)| a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or_default());
        let differences: Vec<u8> = differences.filter(|difference| *difference > 0).collect();
        let share = differences.len() as f64 / kept.pixels.len() as f64;
        let largest = differences.iter().max().copied().unwrap_or_default();
        assert!(
            largest <= STEP && share <= TIPPED,
            "{}: {share:.4} of the pixels differ, by up to {largest}",
            entry.slug
        );
        files.insert(path);
    }
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
    let others = std::fs::read_dir(entry::folder()).unwrap().map(|file| file.unwrap().path());
    let others: Vec<_> =
        others.filter(|path| path.extension().is_some_and(|e| e == "png") && !files.contains(path)).collect();
    assert!(others.is_empty(), "no entry has {others:?}");
}

#[test]
fn stories_say_what_is_computed() {
    let entries = entry::all().unwrap();
    for entry in &entries {
        let check = facts::FACTS.iter().find(|(slug, _)| *slug == entry.slug);
        let (_, check) = check.unwrap_or_else(|| panic!("nothing checks the story of {}", entry.slug));
        check(&facts::Told::of(entry));
    }
    assert_eq!(facts::FACTS.len(), entries.len());
}
