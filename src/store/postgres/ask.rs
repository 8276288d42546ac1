//! How a question is asked.

/// Asks on one connection; where that was lost, on another, until the patience is over: to ask twice does no harm.
macro_rules! ask {
    ($store:expr, |$on:ident| $question:expr) => {{
        let mut patience = $crate::store::postgres::lost::Patience::new($store.statement_timeout);
        loop {
            let mut connection = match $store.pool.acquire().await {
                Ok(connection) => connection,
                Err(error) if $crate::store::postgres::lost::is_lost(&error) && patience.wait().await => {
                    continue;
                }
                Err(error) => break Err($crate::store::postgres::lost::unavailable(error)),
            };
            let $on = &mut *connection;
            match patience.bounded($question).await {
                Some(Ok(answer)) => break Ok(answer),
                Some(Err(error)) if $crate::store::postgres::lost::is_lost(&error) => {
                    connection.close_on_drop();
                    drop(connection);
                    if !patience.wait().await {
                        break Err($crate::store::postgres::lost::unavailable(error));
                    }
                }
                Some(Err(error)) => break Err($crate::store::postgres::lost::unavailable(error)),
                None => {
                    connection.close_on_drop();
                    break Err($crate::store::postgres::lost::unavailable(sqlx::Error::PoolTimedOut));
                }
            }
        }
    }};
}

pub(super) use ask;
