//! Every service has the address that Oracle documents, and a signed request never goes to an unsafe one.

use oci_api::Service;
use oci_client::regions::{AddedRegions, added_regions};
use oci_client::{Base, EndpointError, Endpoints};

#[test]
fn services_have_their_hosts_in_their_realm() {
    let hosts = |region| {
        let endpoints = Endpoints::for_region(region).unwrap();
        [Service::Compute, Service::Identity, Service::Limits, Service::WorkRequest]
            .map(|service| endpoints.base(service).authority)
            .join(" ")
    };
    insta::assert_snapshot!(hosts("us-phoenix-1"), @"iaas.us-phoenix-1.oraclecloud.com identity.us-phoenix-1.oci.oraclecloud.com limits.us-phoenix-1.oci.oraclecloud.com iaas.us-phoenix-1.oraclecloud.com");
    insta::assert_snapshot!(hosts("IAD"), @"iaas.us-ashburn-1.oraclecloud.com identity.us-ashburn-1.oci.oraclecloud.com limits.us-ashburn-1.oci.oraclecloud.com iaas.us-ashburn-1.oraclecloud.com");
    insta::assert_snapshot!(hosts("eu-dcc-milan-1"), @"iaas.eu-dcc-milan-1.oraclecloud14.com identity.eu-dcc-milan-1.oci.oraclecloud14.com limits.eu-dcc-milan-1.oci.oraclecloud14.com iaas.eu-dcc-milan-1.oraclecloud14.com");
}

#[test]
fn an_unknown_region_names_the_nearest() {
    let why = |region| Endpoints::for_region(region).unwrap_err().to_string();
    insta::assert_snapshot!(why("us-pheonix-1"), @r#"the region "us-pheonix-1" is unknown; did you mean "us-phoenix-1"?"#);
    insta::assert_snapshot!(why("ashburn"), @r#"the region "ashburn" is unknown; did you mean "us-ashburn-1"?"#);
    insta::assert_snapshot!(why("mars"), @r#"the region "mars" is unknown; did you mean "eu-marseille-1"?"#);
}

#[test]
fn one_base_url_serves_all() {
    let base = |url: &str| {
        Base::parse(url).map(|base| format!("{} {} {:?}", base.scheme, base.authority, base.prefix))
    };
    assert_eq!(base("http://127.0.0.1:12620").unwrap(), r#"http 127.0.0.1:12620 """#);
    assert_eq!(base("http://[::1]:80/").unwrap(), r#"http [::1] """#);
    assert_eq!(base("https://Proxy.Example:443/oci/20160918/").unwrap(), r#"https proxy.example "/oci""#);
    assert_eq!(base("http://localhost:9/20160918").unwrap(), r#"http localhost:9 """#);
    for bad in
        ["", "localhost:9", "ftp://x", "https://", "https://u:p@x", "https://x?y=1", "https://x:99999", "a b"]
    {
        assert!(matches!(base(bad), Err(EndpointError::BadUrl { .. })), "{bad}: {:?}", base(bad));
    }
}

#[test]
fn plain_http_goes_to_this_machine_only() {
    for url in [
        "http://10.0.0.1",
        "http://iaas.us-phoenix-1.oraclecloud.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil:80",
        "http://[::ffff:127.0.0.1]:1",
    ] {
        assert!(matches!(Base::parse(url), Err(EndpointError::Insecure { .. })), "{url}");
    }
    for url in ["http://127.8.9.1", "http://[::1]:1", "http://LOCALHOST"] {
        assert!(Base::parse(url).is_ok(), "{url}");
    }
    insta::assert_snapshot!(Base::parse("http://example.com").unwrap_err(), @r#""http://example.com" is plain http to another machine: others could read and change the requests. Use https; plain http is allowed only to 127.0.0.0/8, [::1] and localhost"#);
}

#[test]
fn a_region_newer_than_the_table_can_be_described() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".oci")).unwrap();
    let file = home.path().join(".oci/regions-config.json");
    let one = r#"{"realmKey":"oc99","realmDomainComponent":"Cloud99.example","regionKey":"NEW","regionIdentifier":"xx-new-1"}"#;
    let env = |metadata: Option<&'static str>| {
        let home = home.path().display().to_string();
        move |name: &str| match name {
            "HOME" => Some(home.clone()),
            "OCI_REGION_METADATA" => metadata.map(str::to_owned),
            _ => None,
        }
    };
    assert_eq!(added_regions(&env(None)), Ok(AddedRegions::default()));
    std::fs::write(&file, format!("[{one}]")).unwrap();
    let more = added_regions(&env(None)).unwrap();
    for name in ["xx-new-1", "new"] {
        let endpoints = Endpoints::for_region_or(name, &more).unwrap();
        assert_eq!(endpoints.base(Service::Compute).authority, "iaas.xx-new-1.cloud99.example");
    }
    assert!(Endpoints::for_region_or("newer", &more).is_err());
    let phoenix = r#"{"realmKey":"x","realmDomainComponent":"evil.example","regionKey":"phx","regionIdentifier":"us-phoenix-1"}"#;
    let more = added_regions(&env(Some(phoenix))).unwrap();
    let endpoints = Endpoints::for_region_or("phx", &more).unwrap();
    assert_eq!(endpoints.base(Service::Compute).authority, "iaas.us-phoenix-1.oraclecloud.com");
    let bad = r#"{"realmKey":"x","realmDomainComponent":"a/b","regionKey":"phx","regionIdentifier":"x"}"#;
    assert!(
        added_regions(&env(Some(bad))).unwrap_err().to_string().starts_with("OCI_REGION_METADATA does not")
    );
    std::fs::write(&file, "{}").unwrap();
    assert!(added_regions(&env(None)).is_err());
}

#[test]
fn oci_default_realm_gives_unknown_regions_their_domain() {
    let more = |realm: &'static str| {
        added_regions(&move |name: &str| (name == "OCI_DEFAULT_REALM").then(|| realm.to_owned()))
    };
    let at = |realm, region| {
        let endpoints = Endpoints::for_region_or(region, &more(realm).unwrap());
        endpoints.map(|endpoints| endpoints.base(Service::Compute).authority)
    };
    assert_eq!(at("Cloud99.example", "XX-new-1").unwrap(), "iaas.xx-new-1.cloud99.example");
    assert_eq!(at("oc2", "xx-new-1").unwrap(), "iaas.xx-new-1.oraclegovcloud.com");
    assert_eq!(at("cloud99.example", "phx").unwrap(), "iaas.us-phoenix-1.oraclecloud.com", "known ones stay");
    assert!(at("", "xx-new-1").is_err() && at("cloud99.example", "evil/x").is_err());
    insta::assert_snapshot!(more("nowhere").unwrap_err(), @"OCI_DEFAULT_REALM does not describe regions in the format of the OCI SDKs (it must be the domain of a realm, such as `oraclecloud.com`)");
}
