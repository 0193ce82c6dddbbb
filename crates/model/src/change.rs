//! What somebody or some controller changed, and when: the first question in an incident.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Args, Both, EntityRef};

/// One change of one thing. A rollout that changes an image and a limit is two changes with the same moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// When it was seen; for what Kubernetes stamps itself (a condition, a creation) its own time.
    pub at: Timestamp,
    pub entity: EntityRef,
    pub what: ChangeKind,
    /// Which part of it: `app` (a container), `app/LOG_LEVEL`, `dedicated:NoSchedule`, `http`. Empty: the whole thing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub part: String,
    /// Before. Empty where there was nothing, or where the value is nobody's to keep (environment, secrets).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// After.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to: String,
}

macro_rules! kinds {
    ($( $(#[$meta:meta])* $variant:ident = $code:literal, $en:literal, $zh:literal; )*) => {
        /// What kind of change it is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum ChangeKind {
            $( $(#[$meta])* #[serde(rename = $code)] $variant, )*
        }

        impl ChangeKind {
            pub const ALL: &'static [ChangeKind] = &[$( ChangeKind::$variant ),*];

            /// The stable code: `rollout.image`.
            pub const fn code(self) -> &'static str {
                match self { $( ChangeKind::$variant => $code, )* }
            }

            /// English and Chinese template; `{entity}`, `{part}`, `{from}`, `{to}`, optional pieces in `[[…]]`.
            const fn templates(self) -> (&'static str, &'static str) {
                match self { $( ChangeKind::$variant => ($en, $zh), )* }
            }
        }
    };
}

kinds! {
    Created = "created", "{entity} was created[[ ({to})]]", "{entity} 已创建[[（{to}）]]";
    Deleted = "deleted", "{entity} was deleted", "{entity} 已删除";
    /// The pod template is another one; `from` and `to` are generations.
    Rollout = "rollout", "{entity} rolls out a new template[[, generation {to}]]", "{entity} 开始滚动更新[[，generation {to}]]";
    RolloutImage = "rollout.image", "image of {part} in {entity}: {from} → {to}", "{entity} 的 {part} 镜像：{from} → {to}";
    RolloutCommand = "rollout.command", "command or arguments of {part} in {entity} changed", "{entity} 的 {part} 启动命令或参数已变更";
    RolloutEnv = "rollout.env", "environment variable {part} in {entity} changed", "{entity} 的环境变量 {part} 已变更";
    RolloutResources = "rollout.resources", "{part} in {entity}: {from} → {to}", "{entity} 的 {part}：{from} → {to}";
    RolloutProbe = "rollout.probe", "{part} in {entity} changed[[: {from} → {to}]]", "{entity} 的 {part} 已变更[[：{from} → {to}]]";
    RolloutVolume = "rollout.volume", "volume {part} of {entity} changed", "{entity} 的卷 {part} 已变更";
    RolloutPlacement = "rollout.placement", "where pods of {entity} may run changed ({part})", "{entity} 的调度约束已变更（{part}）";
    RolloutOther = "rollout.other", "{part} in the template of {entity} changed[[: {from} → {to}]]", "{entity} 模板中的 {part} 已变更[[：{from} → {to}]]";
    Restart = "rollout.restart", "{entity} was restarted by hand", "{entity} 被手动重启";
    Paused = "rollout.paused", "rollouts of {entity} were paused", "{entity} 的滚动更新已暂停";
    Resumed = "rollout.resumed", "rollouts of {entity} were resumed", "{entity} 的滚动更新已恢复";
    Scale = "scale", "{entity} was scaled: {from} → {to}", "{entity} 副本数：{from} → {to}";
    Suspended = "suspended", "{entity} was suspended", "{entity} 已挂起";
    Unsuspended = "unsuspended", "{entity} was resumed", "{entity} 已恢复运行";
    Schedule = "schedule", "schedule of {entity}: {from} → {to}", "{entity} 的调度周期：{from} → {to}";
    Cordoned = "node.cordoned", "{entity} was cordoned", "{entity} 已设为不可调度";
    Uncordoned = "node.uncordoned", "{entity} was uncordoned", "{entity} 已恢复可调度";
    TaintAdded = "node.taint_added", "{entity} was tainted: {part}", "{entity} 新增污点：{part}";
    TaintRemoved = "node.taint_removed", "taint of {entity} was removed: {part}", "{entity} 移除污点：{part}";
    /// A condition of a node: `Ready`, `MemoryPressure`.
    NodeCondition = "node.condition", "{part} of {entity}: {from} → {to}", "{entity} 的 {part}：{from} → {to}";
    NodeVersion = "node.version", "{part} of {entity}: {from} → {to}", "{entity} 的 {part}：{from} → {to}";
    AutoscalerTarget = "hpa.target", "target of {entity}: {from} → {to}", "{entity} 的目标：{from} → {to}";
    AutoscalerBounds = "hpa.bounds", "{part} of {entity}: {from} → {to}", "{entity} 的 {part}：{from} → {to}";
    AutoscalerScaled = "hpa.scaled", "{entity} wants {to} replicas instead of {from}", "{entity} 期望副本数：{from} → {to}";
    /// Of a config map or secret; what changed is not read.
    Content = "config.content", "the content of {entity} changed", "{entity} 的内容已变更";
    Selector = "service.selector", "selector of {entity}: {from} → {to}", "{entity} 的选择器：{from} → {to}";
    Port = "service.port", "port {part} of {entity}[[: {from}]][[ → {to}]]", "{entity} 的端口 {part}[[：{from}]][[ → {to}]]";
    ServiceType = "service.type", "type of {entity}: {from} → {to}", "{entity} 的类型：{from} → {to}";
    Route = "route", "routes of {entity} changed: {part}[[: {from}]][[ → {to}]]", "{entity} 的路由已变更：{part}[[：{from}]][[ → {to}]]";
    Quota = "quota", "{part} of {entity}: {from} → {to}", "{entity} 的 {part}：{from} → {to}";
    Policy = "policy", "{entity} changed", "{entity} 已变更";
}

impl Change {
    /// The change in words, in both languages.
    pub fn words(&self) -> Both {
        let absent = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
        let args: Args = [
            ("entity", self.entity.to_string()),
            ("part", absent(&self.part)),
            ("from", absent(&self.from)),
            ("to", absent(&self.to)),
        ]
        .into_iter()
        .collect();
        let (en, zh) = self.what.templates();
        Both { en: args.fill(en), zh: args.fill(zh) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn a_change_reads_in_both_languages_and_survives_the_store() {
        let change = Change {
            at: Timestamp::UNIX_EPOCH,
            entity: EntityRef::new(Kind::Deployment, "shop", "cart"),
            what: ChangeKind::RolloutImage,
            part: "app".into(),
            from: "cart:1".into(),
            to: "cart:2".into(),
        };
        let words = change.words();
        assert_eq!(words.en, "image of app in deployment/shop/cart: cart:1 → cart:2");
        assert_eq!(words.zh, "deployment/shop/cart 的 app 镜像：cart:1 → cart:2");
        let json = serde_json::to_string(&change).expect("plain data");
        assert_eq!(serde_json::from_str::<Change>(&json).expect("as written"), change);
    }

    #[test]
    fn every_kind_of_change_has_its_own_code_and_words_without_holes() {
        let mut codes: Vec<&str> = ChangeKind::ALL.iter().map(|k| k.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ChangeKind::ALL.len());
        for what in ChangeKind::ALL {
            let text = |s: &str| s.to_owned();
            let entity = EntityRef::node("w1");
            let (part, from, to) = (text("p"), text("a"), text("b"));
            let words = Change { at: Timestamp::UNIX_EPOCH, entity, what: *what, part, from, to }.words();
            assert!(!words.en.contains(['{', '[']) && !words.zh.contains(['{', '[']), "{words:?}");
        }
    }
}
