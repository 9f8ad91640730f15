use super::{parse, web};
#[test]
fn dump() {
    let b = "address = \"10.0.0.11\"";
    let two = |s: &str| format!("{}\n\n{s}", web("", b));
    let cases: Vec<(&str, String)> = vec![
        ("toml", "[datapath\n".into()), ("toml2", "\n[api]\nsocket = /run\n".into()), ("dup key", "[nat]\nports = \"1\"\nports = \"2\"".into()),
        ("unknown", web("algoritm = \"maglev\"", b)), ("unknown2", "\n\nservices = 1".into()), ("unknown3", web("", "colour = 1")),
        ("rulekey", "[[firewall.rule]]\nname = \"x\"\nprotocol = \"tcp\"".into()),
        ("type1", "[datapath]\ninterfaces = \"eth0\"".into()), ("type2", web("table_size = \"7\"", b)), ("type3", web("", "address = 1")), ("type4", web("", "backup = 1")),
        ("type5", "[service]\nname = \"web\"\n".into()), ("type6", "nat = 5".into()),
        ("noname", "\n\n[[service]]\naddress = \"192.0.2.10:80\"".into()), ("noaddr", "[[service]]\nname = \"web\"".into()), ("nobaddr", web("", "name = \"x\"")),
    ];
    for (n, t) in cases.into_iter().chain([("two", two(""))]) {
        match parse(&t) { Ok(_) => println!("{n}: OK"), Err(e) => println!("{n}: {e} | {}", e.hint()) }
    }
}
