//! How incidents are worded for the channels: `report`'s cards in the shape each channel wants.

use rootline_model::LiveIncident;
use rootline_report::{
    Card, card, card_html, card_subject, card_text, digest, dingtalk, feishu, slack, webhook, wecom,
};
use rootline_sinks::{Delivery, Form, Mail, Words};
use serde_json::Value;

/// `receiver` of webhook bodies.
pub struct Cards {
    pub receiver: String,
}

impl Words for Cards {
    fn message(&self, form: Form, delivery: &Delivery) -> Value {
        match form {
            Form::Slack => slack(&shown(delivery)),
            Form::DingTalk => dingtalk(&shown(delivery)),
            Form::WeCom => wecom(&shown(delivery)),
            Form::Feishu => feishu(&shown(delivery)),
            Form::Webhook => webhook(&linked(delivery), &self.receiver, delivery.lang),
        }
    }

    fn mail(&self, delivery: &Delivery) -> Mail {
        let card = shown(delivery);
        Mail { subject: card_subject(&card), text: card_text(&card), html: card_html(&card) }
    }
}

/// One incident whole, several in short.
fn shown(delivery: &Delivery) -> Card {
    match delivery.incidents.as_slice() {
        [one] => card(one, delivery.lang, delivery.link_of(one).as_deref()),
        _ => digest(&linked(delivery), delivery.lang),
    }
}

fn linked(delivery: &Delivery) -> Vec<(&LiveIncident, Option<String>)> {
    delivery.incidents.iter().map(|i| (i.as_ref(), delivery.link_of(i))).collect()
}
