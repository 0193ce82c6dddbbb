//! Messages out: Alertmanager, chats, webhooks, mail.
