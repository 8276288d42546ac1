//! The sandbox behind a gate: a create waits until it is let through.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use portcullis::adapters::sandbox::Sandbox;
use portcullis::contract::{
    Account, Adapter, By, Capabilities, Change, Draft, Error, Groups, Outcome, Page, Standing,
};
use tokio::sync::Semaphore;

#[derive(Debug)]
pub(crate) struct Gated {
    app: Sandbox,
    /// How many creates may pass.
    pub(crate) gate: Arc<Semaphore>,
    /// How many creates came to it.
    pub(crate) arrived: Arc<AtomicUsize>,
}

impl Gated {
    pub(crate) fn new(app: Sandbox) -> Self {
        Self { app, gate: Arc::new(Semaphore::new(0)), arrived: Arc::default() }
    }
}

#[async_trait]
impl Adapter for Gated {
    fn capabilities(&self) -> &Capabilities {
        self.app.capabilities()
    }
    async fn check(&self) -> Result<Standing, Error> {
        self.app.check().await
    }
    async fn account(&self, by: By<'_>) -> Result<Option<Account>, Error> {
        self.app.account(by).await
    }
    async fn accounts(&self, cursor: Option<&str>) -> Result<Page<Account>, Error> {
        self.app.accounts(cursor).await
    }
    async fn create_account(&self, draft: &Draft) -> Result<Outcome<Account>, Error> {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        self.app.create_account(draft).await
    }
    async fn update_account(&self, account: &Account, change: &Change) -> Result<Outcome<Account>, Error> {
        self.app.update_account(account, change).await
    }
    async fn deactivate(&self, account: &Account) -> Result<Outcome<()>, Error> {
        self.app.deactivate(account).await
    }
    async fn reactivate(&self, account: &Account) -> Result<Outcome<Account>, Error> {
        self.app.reactivate(account).await
    }
    async fn delete_account(&self, account: &Account) -> Result<Outcome<()>, Error> {
        self.app.delete_account(account).await
    }
    fn groups(&self) -> Option<&dyn Groups> {
        Adapter::groups(&self.app)
    }
}
