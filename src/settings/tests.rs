use crate::settings::{Settings, Switch};
use clap::Parser;
use std::path::PathBuf;

#[derive(Parser)]
struct ServeArgs {
    #[command(flatten)]
    settings: Settings,
}

/// The name of the setting that `serve` rejects; none if all are valid.
pub(super) fn refusal(args: &[&str]) -> Option<String> {
    match serve(args) {
        Err(line) => Some(line.split(':').next().unwrap_or_default().to_owned()),
        Ok(settings) => settings.check(false).err().map(|bad| bad.name.to_owned()),
    }
}

fn serve(args: &[&str]) -> Result<Settings, String> {
    let key = "k".repeat(32);
    let given = args.contains(&"--operator-keys");
    let keys = ["--operator-keys", key.as_str()].into_iter().filter(|_| !given);
    let all = ["serve"].into_iter().chain(keys).chain(args.iter().copied());
    let parsed = ServeArgs::try_parse_from(all).map_err(|e| e.to_string().trim_start_matches("error: ").to_owned())?;
    Ok(parsed.settings)
}

#[test]
fn blanks_and_line_ends_around_a_value_do_not_count() {
    let (one, two) = ("a".repeat(32), "b".repeat(40));
    let keys = format!(" {one},\t{two}\r\n");
    let settings = serve(&[
        "--operator-keys",
        &keys,
        "--public-url",
        " HTTPS://Billing.Example.com:443/\n",
        "--stripe-secret-key",
        "sk_test_0000000000000000\n",
        "--stripe-webhook-secrets",
        "whsec_0000000000000000\n , whsec_1111111111111111",
        "--return-origins",
        "https://App.example.com:443, http://localhost:80",
        "--trusted-proxies",
        "10.0.0.0/8, 127.0.0.1\n",
        "--listen",
        " 0.0.0.0:3000\n",
        "--rate-limit",
        "100/s\n",
        "--worker",
        "off\n",
        "--session-max-days",
        " 30\n",
        "--database-url",
        "sqlite://data/a b.db\n",
        "--mail-from",
        " Gleaner Ltd <billing@gleaner.example>\n",
        "--mail-dir",
        "/var/mails of billing\n",
    ]);
    let settings = settings.expect("good settings");
    assert_eq!(settings.check(false), Ok(()));
    assert_eq!(settings.operator_keys, [one, two]);
    assert_eq!(settings.public_url.as_deref(), Some("https://billing.example.com"));
    assert_eq!(settings.stripe_secret_key.as_deref(), Some("sk_test_0000000000000000"));
    assert_eq!(settings.stripe_webhook_secrets, ["whsec_0000000000000000", "whsec_1111111111111111"]);
    assert_eq!(settings.return_origins, ["https://app.example.com", "http://localhost"]);
    assert_eq!(settings.proxies().map(|all| all.len()), Ok(2));
    assert_eq!((settings.listen.port(), settings.session_max_days), (3000, 30));
    assert!(settings.worker == Switch::Off && settings.rate().is_ok_and(|rate| rate.is_some()));
    assert_eq!(settings.database.database_url, "sqlite://data/a b.db");
    assert_eq!(settings.mail_dir, Some(PathBuf::from("/var/mails of billing")));
}

#[test]
fn an_address_that_others_reach_needs_the_one_that_customers_see() {
    for listen in ["0.0.0.0:3000", "[::]:3000", "192.0.2.1:80", "[::ffff:192.0.2.1]:80"] {
        assert_eq!(refusal(&["--listen", listen]).as_deref(), Some("PUBLIC_URL"), "{listen}");
        assert_eq!(refusal(&["--listen", listen, "--public-url", "https://billing.example.com"]), None, "{listen}");
    }
    for listen in ["127.0.0.1:0", "[::1]:0", "127.8.8.8:0", "[::ffff:127.0.0.1]:0"] {
        assert_eq!(refusal(&["--listen", listen]), None, "{listen}");
    }
}
