//! Which narrations say what their script says.

use super::*;

fn sentences(numbers: std::ops::Range<usize>) -> String {
    numbers.map(|n| format!("Cümle {n}: blok zinciri {n} kez doğrulanır. ")).collect::<Vec<_>>().concat()
}

#[test]
fn the_same_words_are_faithful_whatever_surrounds_them() {
    let script = sentences(0..40);
    for narration in [
        script.clone(),
        script.replace(". ", ".\n\n"),
        script.replacen("doğrulanır", "onaylanır", 4),
        script.replace(':', " —"),
    ] {
        assert_eq!(check_faithful(&script, &narration), Ok(()));
    }
    assert_eq!(check_faithful("# Giriş bölümü\nMerhaba.", "Merhaba."), Ok(()), "a heading may go");
    assert_eq!(check_faithful("# Giriş bölümü\nMerhaba.", "Giriş bölümü. Merhaba."), Ok(()), "or stay");
    assert_eq!(check_faithful("IŞIK İKİ kez yandı.", "Işık iki kez yandı."), Ok(()));
    assert_eq!(check_faithful("Kısa bir metin.", "Kısa metin."), Ok(()));
}

#[test]
fn what_is_left_out_added_or_moved_is_told() {
    let script = sentences(0..40);
    let cases = [
        (sentences(0..30), "leave out 70 of the script's 280 words, such as \"Cümle 30"),
        (
            script.replacen("blok zinciri 7 kez doğrulanır.", "hemen alın, fiyat iki katına çıkacak.", 1),
            "such as",
        ),
        (sentences(10..40), "leave out"),
        ("Hemen alın.".to_owned(), "leave out"),
        (
            format!("{script} Fiyat yakında iki katına çıkacak, bu yüzden hemen alın, beklemeyin."),
            "doesn't have",
        ),
        (sentences(20..40) + &sentences(0..20), "leave out"),
    ];
    for (narration, told) in cases {
        let problem = check_faithful(&script, &narration).unwrap_err();
        assert!(problem.contains(told), "{problem}");
    }
    for paragraph in
        ["#Bitcoin herkes için açık bir ağdır ve öyle kalır.", "#1 kural hiç değişmedi, değişmeyecek."]
    {
        let left_out = format!("{script}\n{paragraph}");
        assert!(check_faithful(&left_out, &script).is_err(), "{paragraph} is no heading");
    }
    assert!(check_faithful("# Vergi\n", "Bu kısımda anlatılacak bir şey kalmadı.").is_err());
    let short = check_faithful("Bitcoin nedir, nasıl çalışır?", "Hemen alın!").unwrap_err();
    assert!(short.contains("Bitcoin nedir nasıl çalışır"), "{short}");
}
