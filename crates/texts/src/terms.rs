//! The terms that speech recognition gets wrong most, shared by the prompt and the diff.

use std::sync::LazyLock;

use crate::words::{fold, holds_word};

/// Bitcoin's terms as a German speaker writes them; kept by hand.
pub const TERMS: &[&str] = &[
    "Bitcoin",
    "Satoshi",
    "Satoshi Nakamoto",
    "Lightning",
    "Halving",
    "Blockchain",
    "Timechain",
    "Mining",
    "Miner",
    "Mining Pool",
    "ASIC",
    "Hashrate",
    "Hash",
    "SHA-256",
    "Proof of Work",
    "Proof of Stake",
    "Difficulty",
    "Nonce",
    "Coinbase",
    "Wallet",
    "Hardware-Wallet",
    "Cold Storage",
    "Hot Wallet",
    "Self-Custody",
    "Seed",
    "Seed Phrase",
    "Passphrase",
    "Private Key",
    "Public Key",
    "Multisig",
    "Node",
    "Full Node",
    "Mempool",
    "UTXO",
    "PSBT",
    "SegWit",
    "Taproot",
    "Tapscript",
    "Schnorr",
    "Ordinals",
    "Soft Fork",
    "Hard Fork",
    "Sidechain",
    "Liquid",
    "Channel",
    "Invoice",
    "Replace-by-Fee",
    "CoinJoin",
    "Nostr",
    "DCA",
    "HODL",
    "Stablecoin",
    "Altcoin",
    "ETF",
    "Fiat",
];

/// The endings that a term's last word takes in German.
const ENDINGS: &[&str] = &["s"];

/// Returns the terms that occur in a text as whole words, in any case, in the order of the list.
///
/// A term's last word may end in `s` (`Wallets`, `Halvings`).
pub fn terms_in(text: &str) -> Vec<&'static str> {
    let folded = fold(text);
    TERMS
        .iter()
        .zip(FOLDED.iter())
        .filter(|(_, term)| holds_word(&folded, term, ENDINGS))
        .map(|(t, _)| *t)
        .collect()
}

/// [`TERMS`] as they are compared; a diff asks for them at each of its changes.
static FOLDED: LazyLock<Vec<String>> = LazyLock::new(|| TERMS.iter().map(|term| fold(term)).collect());

#[cfg(test)]
mod tests;
