//! Converts names and types of the wire to those of Rust.

const KEYWORDS: [&str; 4] = ["type", "ref", "match", "use"];

/// `memoryInGBs` → `memory_in_gbs`, `isAIEnterpriseEnabled` → `is_ai_enterprise_enabled`,
/// `ipv6AddressIpv6SubnetCidrPairDetails` → `ipv6_address_ipv6_subnet_cidr_pair_details`.
pub fn field(wire: &str) -> String {
    let plain = wire.replace("GBs", "Gbs").replace("MBs", "Mbs").replace("PerGB", "PerGb");
    let letters: Vec<char> = plain.chars().collect();
    let mut name = String::new();
    for (at, letter) in letters.iter().enumerate() {
        let after_lower = at > 0 && (letters[at - 1].is_lowercase() || letters[at - 1].is_ascii_digit());
        let before_lower = at > 0 && letters.get(at + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_lower || before_lower) {
            name.push('_');
        }
        if *letter == '-' {
            name.push('_');
        } else {
            name.extend(letter.to_lowercase());
        }
    }
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

/// The name of an enum's variant: `CREATING_IMAGE` → `CreatingImage`, `lowPriority` → `LowPriority`.
pub fn variant(value: &str) -> String {
    let mut name = String::new();
    for word in value.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let shouting = word.chars().all(|c| !c.is_lowercase());
        for (at, letter) in word.chars().enumerate() {
            if at == 0 {
                name.extend(letter.to_uppercase());
            } else if shouting {
                name.extend(letter.to_lowercase());
            } else {
                name.push(letter);
            }
        }
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, 'N');
    }
    name
}

/// `lifecycleState` of `Instance` → `InstanceLifecycleState`.
pub fn enumeration(model: &str, wire: &str) -> String {
    format!("{model}{}", variant(wire))
}

/// The model inside `list[X]` and `dict(str, X)`.
pub fn innermost(kind: &str) -> &str {
    if let Some(inner) = kind.strip_prefix("list[").and_then(|rest| rest.strip_suffix(']')) {
        return innermost(inner);
    }
    if let Some(inner) = kind.strip_prefix("dict(str, ").and_then(|rest| rest.strip_suffix(')')) {
        return innermost(inner);
    }
    kind
}
