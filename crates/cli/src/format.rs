//! Formats numbers, sizes, lists and text for printing.

use bitnpz::Dtype;

/// Returns a dtype as `np.dtype` takes it; a record as the text of its list of fields.
pub(crate) fn dtype_text(dtype: &Dtype) -> String {
    if dtype.record().is_some() { dtype.to_string() } else { dtype.type_string() }
}

/// Escapes characters that are invisible, end the line or change how others are displayed, so that a terminal shows all of the
/// text in one line.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_hidden(letter) {
            escaped.extend(letter.escape_default());
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Returns whether a character is a control or format character (Unicode's general categories Cc, Cf, Zl and Zp), which
/// include those that reverse the direction of text, or one that fonts draw as nothing.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{AD}' | '\u{34F}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{890}'..='\u{891}'
            | '\u{8E2}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}'
            | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// Escapes all characters of JSON text that are not ASCII.
pub(crate) fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\0'..='~' => text.push(letter),
            _ => {
                let units = letter.encode_utf16(&mut [0; 2]).to_vec();
                units.iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
            }
        }
    }
    text
}

/// Formats a number of things: "1 image", "2 images".
pub(crate) fn count(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", thousands(number as u64))
}

/// Formats the change in the size of a file: "3.21 times smaller".
pub(crate) fn change(before: u64, after: u64) -> String {
    let ratio = before as f64 / after.max(1) as f64;
    if ratio < 1.0 {
        format!("{:.2} times larger", after as f64 / before.max(1) as f64)
    } else {
        format!("{ratio:.2} times smaller")
    }
}

/// Formats a number with commas between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a size with a decimal unit: "1.5 MB".
pub(crate) fn size(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", units[unit]) }
}

/// Joins the first names with commas, and counts the others.
pub(crate) fn abbreviate(names: Vec<String>) -> String {
    /// About a line of names.
    const SHOWN: usize = 8;
    let others = names.len().saturating_sub(SHOWN);
    let mut shown = names.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if others > 0 {
        shown.push_str(&format!(", and {}", count(others, "other")));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_numbers() {
        assert_eq!(
            [0, 1, 1234].map(|number| count(number, "image")),
            ["0 images", "1 image", "1,234 images"]
        );
        assert_eq!(change(300, 100), "3.00 times smaller");
        assert_eq!(change(100, 250), "2.50 times larger");
        assert_eq!(ascii("\"é\u{1F600}\""), "\"\\u00e9\\ud83d\\ude00\"");
    }

    #[test]
    fn escapes_what_is_invisible() {
        assert_eq!(escape("ix-001 é 漢 ä █▀"), "ix-001 é 漢 ä █▀");
        assert_eq!(escape("a\nb"), "a\\nb");
        assert_eq!(escape("a\u{202E}gnp.b\u{202C}"), "a\\u{202e}gnp.b\\u{202c}");
        for letter in
            ['\u{1B}', '\r', '\u{200B}', '\u{2066}', '\u{FEFF}', '\u{AD}', '\u{E0041}', '\u{2028}', '\u{9B}']
        {
            let escaped = escape(&letter.to_string());
            assert!(escaped.is_ascii() && escaped.len() > 1, "{escaped}");
        }
    }
}
