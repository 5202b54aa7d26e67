//! The `Stripe-Signature` header of a webhook: scheme `v1`, HMAC-SHA256 over `"{time}.{body}"`.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// Signs `body` at `time`, in Unix seconds.
pub(crate) fn sign(secret: &str, time: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{time}.{body}").as_bytes());
    format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_signature_covers_time_and_body() {
        let expected = "t=1795000000,v1=96ae4d5dc7f43fc838a4f8db1594438fe0c60eae1cee65ded69dfc726d79136e";
        assert_eq!(super::sign("whsec_sandbox", 1_795_000_000, "{}"), expected);
    }
}
