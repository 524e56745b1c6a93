//! Taking, renewing and giving back leases.

use crate::hold::{Fence, Hold, now};
use crate::link::{Failed, Link};
use crate::schema::VERSION;
use ledger::Holder;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::types::Type;

/// The result of asking for a lease.
pub(crate) enum Taken {
    Ours(Arc<Hold>),
    Theirs(Option<Holder>),
}

const TAKE: &str = "
    INSERT INTO oci_insta_scale.leases AS l (of, fence, token, holder, seconds, held_until)
    SELECT $1, 1, $2, $3, $4, clock_timestamp() + make_interval(secs => $4)
    WHERE NOT EXISTS (SELECT FROM oci_insta_scale.format WHERE version > $5)
    ON CONFLICT (of) DO UPDATE SET fence = l.fence + 1, token = $2, holder = $3, seconds = $4,
        held_until = clock_timestamp() + make_interval(secs => $4)
    WHERE l.held_until <= clock_timestamp() OR l.token = $2
    RETURNING fence";

/// Takes a lease that nobody holds. A repetition with the same token, after a lost answer, takes it again.
pub(crate) async fn take(
    link: &mut Link,
    of: &str,
    token: &str,
    holder: &Holder,
    life: Duration,
) -> std::result::Result<Taken, Failed> {
    let text = serde_json::to_string(holder).unwrap_or_default();
    let asked = now();
    let rows = link
        .query(
            TAKE,
            &[
                (&of, Type::TEXT),
                (&token, Type::TEXT),
                (&text, Type::TEXT),
                (&life.as_secs_f64(), Type::FLOAT8),
                (&VERSION, Type::INT4),
            ],
        )
        .await?;
    if let Some(row) = rows.first() {
        let fence = Fence { number: row.get(0), token: token.to_owned() };
        return Ok(Taken::Ours(Arc::new(Hold::new(of.to_owned(), fence, life, asked))));
    }
    Ok(Taken::Theirs(holder_of(link, of).await?))
}

/// Who holds a lease at present.
pub(crate) async fn holder_of(link: &mut Link, of: &str) -> std::result::Result<Option<Holder>, Failed> {
    let asked = "SELECT holder FROM oci_insta_scale.leases WHERE of = $1 AND held_until > clock_timestamp()";
    let rows = link.query(asked, &[(&of, Type::TEXT)]).await?;
    Ok(rows.first().and_then(|row| serde_json::from_str(row.get(0)).ok()))
}

/// Renews a lease; says whether it is ours still.
pub(crate) async fn renew(link: &mut Link, hold: &Hold) -> std::result::Result<bool, Failed> {
    let asked = now();
    let rows = link
        .query(
            "UPDATE oci_insta_scale.leases SET held_until = clock_timestamp() + make_interval(secs => seconds)
             WHERE of = $1 AND fence = $2 AND token = $3 RETURNING of",
            &[(&hold.of, Type::TEXT), (&hold.fence.number, Type::INT8), (&hold.fence.token, Type::TEXT)],
        )
        .await?;
    if rows.is_empty() {
        hold.lose();
    } else {
        hold.renew(asked);
    }
    Ok(!rows.is_empty())
}

/// Gives a lease back. The row stays, so that its number only grows.
pub(crate) async fn release(link: &mut Link, of: &str, fence: &Fence) -> std::result::Result<(), Failed> {
    let statement = "UPDATE oci_insta_scale.leases SET held_until = '-infinity'
         WHERE of = $1 AND fence = $2 AND token = $3 RETURNING of";
    let parameters =
        [(&of as _, Type::TEXT), (&fence.number as _, Type::INT8), (&fence.token as _, Type::TEXT)];
    link.query(statement, &parameters).await.map(drop)
}
