//! A store that holds nothing, for tests that need none.

use async_trait::async_trait;

use super::{Intent, Intents, Key, Kind, Record, Reference, Result, Roster, Store, Task, TokenRow, Write};

/// Takes every write and has nothing to read.
#[derive(Debug, Default)]
pub struct Silent;

#[async_trait]
impl Store for Silent {
    async fn commit(&self, _: Vec<Write>) -> Result<()> {
        Ok(())
    }

    async fn record(&self, _: &str, _: Kind, _: &str) -> Result<Option<Record>> {
        Ok(None)
    }

    async fn find(&self, _: &str, _: Kind, _: &Key) -> Result<Vec<Record>> {
        Ok(Vec::new())
    }

    async fn scan(&self, _: &str, _: Kind, _: u64, _: u64) -> Result<Vec<Record>> {
        Ok(Vec::new())
    }

    async fn count(&self, _: &str, _: Kind) -> Result<u64> {
        Ok(0)
    }

    async fn members(&self, _: &str, _: &str) -> Result<Vec<Reference>> {
        Ok(Vec::new())
    }

    async fn roster(&self, _: &str, _: Kind) -> Result<Option<Roster>> {
        Ok(None)
    }

    async fn intents(&self, _: &Intents) -> Result<Vec<Intent>> {
        Ok(Vec::new())
    }

    async fn tasks(&self, _: Option<&str>, _: bool) -> Result<Vec<Task>> {
        Ok(Vec::new())
    }

    async fn tokens(&self) -> Result<Vec<TokenRow>> {
        Ok(Vec::new())
    }

    async fn close(&self) {}
}
