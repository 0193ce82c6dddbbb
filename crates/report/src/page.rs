//! The page of one code, as `rootline explain` shows it.

use rootline_model::{Bilingual, Knowledge, Texts};

use crate::Options;
use crate::layout::{Page, Tone};
use crate::plain;
use crate::say::word;

const BODY: usize = 2;

pub fn render(knowledge: &Knowledge, code: &str, options: &Options) -> Option<String> {
    let mut page = Page::new(options.width.clamp(24, 120), options.color);
    let (cause, finding) = (knowledge.causes.get(code), knowledge.findings.get(code));
    for (texts, kind) in [(cause, "page.cause"), (finding, "page.finding")] {
        let Some(texts) = texts else { continue };
        page.blank();
        about(&mut page, code, kind, texts, options);
    }
    cause.or(finding)?;
    Some(page.finish())
}

fn about(page: &mut Page, code: &str, kind: &'static str, texts: &Texts, options: &Options) {
    let lang = options.lang;
    page.para(&[], 0, &[(Tone::Bold, &places(texts.title.get(lang)))]);
    page.para(&[], 0, &[(Tone::Cyan, code), (Tone::Dim, " · "), (Tone::Dim, word(lang, kind))]);
    let section = |page: &mut Page, key: &'static str, text: &Bilingual| {
        let text = places(text.get(lang));
        if !text.is_empty() {
            heading(page, word(lang, key));
            let lead = " ".repeat(BODY);
            page.para(&[(Tone::Plain, &lead)], BODY, &[(Tone::Plain, &text)]);
        }
    };
    section(page, "page.means", &texts.means);
    section(page, "page.fooled_by", &texts.fooled_by);
    if !texts.confirm.is_empty() {
        heading(page, word(lang, "page.confirm"));
        for command in &texts.confirm {
            page.verbatim(&[(Tone::Dim, "  $ ")], (Tone::Cyan, &places(command)));
        }
    }
    section(page, "page.fix", &texts.fix);
    if !texts.catalogue.is_empty() {
        let rows: Vec<String> = texts.catalogue.iter().map(u16::to_string).collect();
        heading(page, word(lang, "page.catalogue"));
        page.para(&[(Tone::Plain, "  ")], BODY, &[(Tone::Dim, &rows.join(word(lang, "list.join")))]);
    }
}

fn heading(page: &mut Page, text: &str) {
    page.blank();
    page.para(&[], 0, &[(Tone::Bold, text)]);
}

/// A template for people: `{secret}` becomes `<secret>`; `{.spec.affinity}` of a JSON path stays. Optional parts stand
/// without their brackets.
fn places(template: &str) -> String {
    let template = template.replace("[[", "").replace("]]", "");
    let mut out = String::with_capacity(template.len());
    let mut rest = template.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let place = after.split_once('}').filter(|(name, _)| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        });
        match place {
            Some((name, tail)) => {
                out.push_str(&format!("<{name}>"));
                rest = tail;
            }
            None => {
                out.push('{');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    plain::line(&out)
}

#[cfg(test)]
mod tests {
    use rootline_model::Lang;

    use super::*;

    #[test]
    fn a_page_shows_what_is_known() {
        let mut knowledge = Knowledge::default();
        knowledge.causes.insert(
            "image.not_found".to_owned(),
            Texts {
                title: Bilingual::new("Image {image} does not exist", "镜像 {image} 不存在"),
                means: Bilingual::new("The registry answers that it has no such image.", "镜像仓库中没有该镜像。"),
                confirm: vec!["kubectl -n {namespace} get pod {pod} -o jsonpath={.spec.containers}".to_owned()],
                catalogue: vec![25],
                ..Texts::default()
            },
        );
        let show = |lang| render(&knowledge, "image.not_found", &Options { lang, ..Options::default() });
        assert_eq!(
            show(Lang::En).as_deref(),
            Some(
                "Image <image> does not exist\nimage.not_found · root cause\n\nWhat it means\n  The registry answers that \
                 it has no such image.\n\nHow to confirm\n  $ kubectl -n <namespace> get pod <pod> -o \
                 jsonpath={.spec.containers}\n\nRows of the failure mode catalogue\n  25\n"
            )
        );
        assert!(show(Lang::Zh).is_some_and(|page| page.starts_with("镜像 <image> 不存在\nimage.not_found · 根因")));
        assert_eq!(render(&knowledge, "image", &Options::default()), None);
    }
}
