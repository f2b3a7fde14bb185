//! What a chapter is about, as far as its words tell, and how that could be shown.

use super::{capitalized, pick, script};

/// A subject with titles, and what a picture of it holds.
pub(super) struct Topic {
    /// Beginnings of words that speak for it.
    signs: &'static [&'static str],
    titles: &'static [&'static str],
    /// What is seen, in Turkish.
    seen: &'static str,
    /// What a diagram shows, and a scene.
    drawn: &'static str,
    scene: &'static str,
}

const TOPICS: &[Topic] = &[
    Topic {
        signs: &["yarılan", "halving", "ödül", "ödülün"],
        titles: &["Ödül neden yarıya iner", "Dört yılda bir yarılanma", "Yarılanmanın takvimi"],
        seen: "blok ödülünün her adımda yarıya inmesi",
        drawn: "four piles of plain golden coins in a row, each half as high as the one before it, joined by thin \
                curved arrows from left to right",
        scene: "an hourglass on a wooden desk whose lower half is filled with small plain golden discs",
    },
    Topic {
        signs: &["madenci", "hash", "zorluk", "ispat"],
        titles: &["Madenciler ve ağın temposu", "Zorluk nasıl ayarlanır", "İş ispatı ne işe yarar"],
        seen: "madencilerin emeği ile ağın temposu arasındaki denge",
        drawn: "a balance scale with a row of small humming machines on one side and a large round clock face \
                without digits on the other, a curved arrow leading from one side to the other",
        scene: "a quiet hall with rows of small computing machines and a single technician seen from behind",
    },
    Topic {
        signs: &["lightning", "kanal"],
        titles: &[
            "Lightning ikinci katmandır",
            "Bir ödeme kanalı nasıl çalışır",
            "Küçük ödemeler için Lightning",
        ],
        seen: "iki kişi arasındaki ödeme kanalı ve ağ üzerinden bulunan yol",
        drawn: "six round nodes joined by thin lines, a bright path of three lines lit up from the left node to the \
                right one, a small golden coin traveling along it",
        scene: "a hand holding a phone over the counter of a small café, a cup of coffee beside it",
    },
    Topic {
        signs: &["kurtarma", "kelime", "yedek", "fotoğraf"],
        titles: &["Kurtarma kelimelerini korumak", "Kelimeler kimdeyse", "Yedeği denemek"],
        seen: "kurtarma kelimelerinin güvenli bir yerde saklanması",
        drawn: "one small key on the left from which many thin lines fan out to a column of keyholes on the right",
        scene: "hands putting a folded sheet of blank paper into a small metal box on a wooden table",
    },
    Topic {
        signs: &["cüzdan", "anahtar"],
        titles: &["Cüzdanda aslında ne var", "Anahtar kimdeyse söz onda", "Kendi cüzdanınızı kurmak"],
        seen: "cüzdandaki anahtarlar ile blok zincirindeki bitcoinler arasındaki bağ",
        drawn: "a simple wallet holding two keys on the left, a chain of cubes with a golden coin inside one of them \
                on the right, a thin line joining key and coin",
        scene: "a small plain hardware device and a key ring on a tidy desk beside a notebook with blank pages",
    },
    Topic {
        signs: &["banka", "spk", "vergi", "izin", "düzenle"],
        titles: &[
            "Anahtarı başkasına bırakmak",
            "Bankada bitcoin ne demek",
            "Kurallar ülkeden ülkeye değişir",
        ],
        seen: "anahtarı kendinde tutmak ile başkasına bırakmak arasındaki fark",
        drawn: "two paths side by side: on the left a person's hand holding a key, on the right the same key inside \
                a large vault, both leading to the same golden coin",
        scene: "the front steps of an old stone building seen from across a calm street",
    },
    Topic {
        signs: &["bekleme", "işlem", "zincir"],
        titles: &["Bloklar nasıl dolar", "Bir işlemin yolu", "Blok zincirine ne yazılır"],
        seen: "işlemlerin bekleme havuzundan bloklara geçişi",
        drawn: "many small round tokens waiting in a wide basin on the left, a few of them moving along an arrow into \
                a cube that joins a chain of cubes on the right",
        scene: "a long train of identical freight wagons crossing a wide plain",
    },
    Topic {
        signs: &["düğüm", "program", "ağ", "node"],
        titles: &[
            "Her düğüm kuralı denetler",
            "Kendi düğümünü çalıştırmak",
            "Kararı kimse tek başına vermez",
        ],
        seen: "ağdaki düğümlerin gelen bloğu denetlemesi",
        drawn: "a ring of eight equal nodes joined by thin lines, each holding the same small cube, one odd cube \
                outside the ring turned away by a short arrow",
        scene: "a small computer with a softly glowing lamp on a bookshelf in a living room",
    },
];

const ANYTHING: Topic = Topic {
    signs: &[],
    titles: &[],
    seen: "anlatılan düşüncenin sade bir özeti",
    drawn: "three simple round shapes of growing size in a row, joined by two thin arrows, a plain golden coin in \
            the last one",
    scene: "two people talking at a kitchen table by a window, seen from behind",
};

impl Topic {
    /// Finds the subject whose signs a text shows most often.
    pub(super) fn of(text: &str) -> &'static Self {
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
        let count = |topic: &Self| {
            words.iter().filter(|word| topic.signs.iter().any(|sign| word.starts_with(sign))).count()
        };
        // `max_by_key` takes the last of equals; the first ones are the more special subjects.
        let best = TOPICS.iter().rev().max_by_key(|topic| count(topic)).filter(|topic| count(topic) > 0);
        best.unwrap_or(&ANYTHING)
    }

    /// Returns a title that isn't used yet.
    pub(super) fn title(&self, narration: &str, used: &[String]) -> String {
        let free = self.titles.iter().find(|title| !used.iter().any(|it| it == *title));
        let mut title = free.map_or_else(|| script::opening(narration, 5), |title| (*title).to_owned());
        let mut more = 6;
        while used.contains(&title) && more < 12 {
            title = script::opening(narration, more);
            more += 1;
        }
        title
    }

    /// Says in Turkish what is seen.
    pub(super) fn description(&self, kind: &str) -> String {
        let form = match kind {
            "title_card" => "Bölümün adını taşıyan marka kartı; arkada",
            "diagram" => "Sade bir çizim:",
            "b_roll" => "Anlatımı tamamlayan sakin bir sahne:",
            "screen_share" => "Uydurma bir uygulamanın ekranında adım adım:",
            _ => "Anlatıcı doğrudan izleyiciye bakarak konuşur; konu:",
        };
        format!("{}.", capitalized(&format!("{form} {}", self.seen)))
    }

    /// Writes the English prompt for a picture.
    pub(super) fn image_prompt(&self, is_diagram: bool, narration: &str) -> String {
        let light = pick(&["soft morning light", "warm evening light", "even studio light"], narration, 3);
        let colors = pick(
            &["deep blue and amber", "teal and cream", "sand and navy", "charcoal and orange"],
            narration,
            4,
        );
        if is_diagram {
            format!(
                "A clean flat explanatory diagram on a light background, seen straight on: {}; a palette of {colors}, \
                 wide 16:9 composition with few elements and generous empty space, no text, letters, numbers or logos.",
                self.drawn
            )
        } else {
            format!(
                "A calm cinematic scene: {}; {light}, a palette of {colors}, one clear subject in a simple wide 16:9 \
                 composition, no text, letters, numbers or logos.",
                self.scene
            )
        }
    }
}
