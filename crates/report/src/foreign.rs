//! Other people's words made harmless in each channel: no mention, no link, no markup comes out of a pod's event text.
//!
//! Slack and Feishu have places for text that is never read as markup; what is left to do there is little. DingTalk and
//! WeCom read Markdown of their own and document no escapes, so what would begin something is broken by a word joiner
//! (U+2060, shows as nothing).

const JOINER: char = '\u{2060}';

/// For DingTalk and WeCom, and wherever a Markdown without escapes is read.
pub fn robot_markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    for c in text.chars() {
        match c {
            // emphasis and code have look-alikes
            '*' => out.push('∗'),
            '`' => out.push('ˋ'),
            // `](`: a link or an image
            '(' if before == ']' => out.extend([JOINER, c]),
            // `://`: an address that the client makes a link
            '/' if before == ':' => out.extend([JOINER, c]),
            // `<@all>`, `<font`, `@all`
            '<' | '@' => out.extend([c, JOINER]),
            c => out.push(c),
        }
        before = c;
    }
    unlinked(&out)
}

/// A command: people copy it, so it stays as it is but for mentions and links.
pub fn robot_command(text: &str) -> String {
    text.replace('<', "<\u{2060}").replace('@', "@\u{2060}").replace("](", "]\u{2060}(")
}

/// Slack's three characters, for the places that read its markup.
pub fn slack(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    unlinked(&text.replace('@', "@\u{2060}").replace("://", ":\u{2060}//"))
}

/// `www.` alone is a link for most clients.
pub fn unlinked(text: &str) -> String {
    text.replace("www.", "www\u{2060}.")
}

/// A plain text that mail clients and telephones may look through for addresses and names to call.
pub fn quiet(text: &str) -> String {
    unlinked(&text.replace('@', "@\u{2060}").replace("://", ":\u{2060}//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_sees_no_markup_in_foreign_text() {
        for (text, expect) in [
            ("@all fire", "@\u{2060}all fire"),
            ("<@all>", "<\u{2060}@\u{2060}all>"),
            ("<font color=\"warning\">", "<\u{2060}font color=\"warning\">"),
            ("[x](http://a)", "[x]\u{2060}(http:\u{2060}//a)"),
            ("![x](//a)", "![x]\u{2060}(//a)"),
            ("**a** `b`", "∗∗a∗∗ ˋbˋ"),
            ("www.a.example", "www\u{2060}.a.example"),
            ("pod/shop/cart_1: exit code 137 (OOMKilled)", "pod/shop/cart_1: exit code 137 (OOMKilled)"),
            ("容器退出", "容器退出"),
        ] {
            assert_eq!(robot_markdown(text), expect);
        }
        let command = "kubectl -n shop get pod cart-1 -o jsonpath='{.spec.containers[*].image}'";
        assert_eq!(robot_command(command), command);
        assert_eq!(robot_command("echo <@all>"), "echo <\u{2060}@\u{2060}all>");
    }

    #[test]
    fn slack_calls_nobody() {
        assert_eq!(slack("<!here> @channel http://a & b"), "&lt;!here&gt; @\u{2060}channel http:\u{2060}//a &amp; b");
    }
}
