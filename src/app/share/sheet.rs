//! The dialog.

use std::sync::Arc;

use leptos::html::{Input, Textarea};
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::draft::{Draft, Form};
use super::file::read;
use crate::app::controls::{Choices, Item, Look, Show, Switch, exponential, modal, words};
use crate::app::element::NodeRef;
use crate::app::embed::{Control, Layout};
use crate::app::export::{Picture, Taken, copy as to_clipboard, save};
use crate::app::i18n::{self, t};
use crate::app::reactive::{RwSignal, Signal, effect};
use crate::app::state::{Lab, Theme, lab};
use crate::app::view::{handler, view};
use crate::app::{shell, url};
use crate::catalogue::{Lang, Text};
use crate::experiment::{Pinned, encode, limits, round, with_pinned};

/// Links longer than this many characters are cut by some chat and mail programs: a file is offered beside them.
const LONG: usize = 8_000;

const FORMS: [(Form, &str, &str, &str); 5] = [
    (Form::Link, "link", "Link", "链接"),
    (Form::Frame, "frame", "Frame", "嵌入框"),
    (Form::Element, "element", "Element", "元素"),
    (Form::Markdown, "markdown", "Markdown", "Markdown"),
    (Form::Picture, "picture", "Picture", "图片"),
];

/// What the dialog holds. `Copy`: signals only.
#[derive(Clone, Copy)]
struct Desk {
    lab: Lab,
    form: RwSignal<Form>,
    draft: RwSignal<Draft>,
    /// Whether the numbers are rounded for a shorter link.
    rounded: RwSignal<bool>,
    /// The fragment, exact and rounded (with the largest change).
    exact: StoredValue<String>,
    short: StoredValue<Option<(String, f32)>>,
    /// The setting that it is compared with: part of the link, not of what goes into other pages.
    pinned: StoredValue<Option<Arc<Pinned>>>,
}

impl Desk {
    fn fragment(self) -> String {
        let short = self.rounded.get().then(|| self.short.get_value()).flatten();
        let alone = short.map_or_else(|| self.exact.get_value(), |(link, _)| link);
        match self.pinned.get_value().filter(|_| self.form.get() == Form::Link) {
            Some(pinned) => with_pinned(&alone, &pinned),
            None => alone,
        }
    }

    fn text(self) -> String {
        let title = shell::what(self.lab);
        self.draft.with(|draft| draft.text(self.form.get(), &url::folder(), &self.fragment(), &title))
    }
}

/// The dialog. What it shares is the experiment as it is when it opens.
pub fn sheet() -> AnyView {
    let lab = lab();
    let (dialog, close) = modal();
    let experiment = lab.experiment.get_untracked();
    let short = round(&experiment).filter(|r| r.change > 0.0).map(|r| (encode(&r.experiment), r.change));
    let desk = Desk {
        lab,
        form: RwSignal::new(Form::Link),
        draft: RwSignal::new(Draft {
            layout: Layout::Map,
            controls: Vec::new(),
            locked: Vec::new(),
            theme: Theme::Auto,
            lang: lab.lang.get_untracked(),
            lazy: false,
        }),
        rounded: RwSignal::new(false),
        exact: StoredValue::new(encode(&experiment)),
        short: StoredValue::new(short),
        pinned: StoredValue::new(lab.pinned.get_untracked()),
    };
    let framed = Signal::memo(move || matches!(desk.form.get(), Form::Frame | Form::Element));
    let pictured = Signal::memo(move || matches!(desk.form.get(), Form::Markdown | Form::Picture));
    let taken = Signal::derive(move || Taken::of(lab));
    let chosen = Signal::derive(move || {
        FORMS.iter().find(|(form, ..)| *form == desk.form.get()).map_or("", |(_, id, ..)| id).to_owned()
    });
    let choose = Callback::new(move |id: String| {
        if let Some((form, ..)) = FORMS.iter().find(|(_, other, ..)| *other == id) {
            desk.form.set(*form);
        }
    });
    view! {
        <dialog node_ref=dialog class="share" aria-labelledby="share-title">
            <h2 id="share-title">{t("Share this experiment", "分享此实验")}</h2>
            <Choices
                label=words("As", "形式")
                items=FORMS.map(|(_, id, en, zh)| Item::new(id, words(en, zh))).to_vec()
                chosen=chosen
                on_choose=choose
                look=Look::Segments
            />
            <div class="share__body">
                <div class="share__text">
                    {text(desk)}
                    {length(desk)}
                    <Show when=framed>{settings(desk)}</Show>
                    <Show when=Signal::derive(move || desk.form.get() == Form::Element)>
                        <p class="note">{t("The picture is the poster, and what remains without scripts: save it from the tab Picture as attention.png beside your page.", "图片用作封面，也是无脚本时的内容：请在“图片”标签中将其存为 attention.png，与页面放在一起。")}</p>
                    </Show>
                    <Show when=Signal::derive(move || desk.form.get() == Form::Markdown)>
                        <p class="note">{t("Save the picture as attention.png beside your text; it leads to the playground.", "请将图片存为 attention.png，与文稿放在一起；点击图片会打开实验。")}</p>
                    </Show>
                </div>
                <Show when=framed>{preview(desk)}</Show>
                <Show when=pictured><div class="share__preview"><Picture taken=taken /></div></Show>
            </div>
            <div class="dialog__foot">
                {open_file(lab, Callback::new(move |()| close()))}
                <button type="button" on:click=handler(move |_| close())>{t("Close", "关闭")}</button>
            </div>
        </dialog>
    }
}

/// The text to paste, and the button that copies it.
fn text(desk: Desk) -> AnyView {
    let area = NodeRef::<Textarea>::new();
    let copied = RwSignal::new(None::<bool>);
    let copy = move |_| {
        let text = desk.text();
        // Selected first: where the clipboard is refused, the keyboard's own copy works.
        if let Some(area) = area.get_untracked() {
            area.select();
        }
        spawn_local(async move {
            copied.try_set(Some(to_clipboard(&text).await));
        });
    };
    effect(move || {
        // Another text is not copied yet.
        let _ = desk.text();
        copied.set(None);
    });
    view! {
        <label class="share__label">
            <span>{move || {
                let lang = desk.lab.lang.get();
                match desk.form.get() {
                    Form::Link => i18n::now(lang, "Opens the whole page with everything as it is now", "打开完整页面，一切与现在相同"),
                    Form::Frame => i18n::now(lang, "HTML for any page; its height is fixed unless the page listens", "可用于任何页面的 HTML；除非页面监听消息，否则高度固定"),
                    Form::Element => i18n::now(lang, "HTML that fits its height to what it shows", "高度随内容调整的 HTML"),
                    Form::Markdown => i18n::now(lang, "A picture that leads to the playground", "通向实验的图片"),
                    Form::Picture => i18n::now(lang, "The address to name beside the picture", "可写在图片旁的地址"),
                }
            }}</span>
            <textarea node_ref=area readonly rows="4" spellcheck="false" prop:value=move || desk.text()></textarea>
        </label>
        <p class="share__copy">
            <button type="button" class="primary" on:click=handler(copy)>{t("Copy", "复制")}</button>
            <span class="note" role="status">{move || {
                let lang = desk.lab.lang.get();
                match copied.get() {
                    None => "",
                    Some(true) => i18n::now(lang, "Copied", "已复制"),
                    Some(false) => i18n::now(lang, "The browser did not allow it; the text is selected: copy it with the keyboard.", "浏览器不允许复制；文本已选中，请用键盘复制。"),
                }
            }}</span>
        </p>
    }
    .into_any()
}

/// How long the link is, what of it could be shorter, and a file where it is too long.
fn length(desk: Desk) -> AnyView {
    let long = Signal::memo(move || url::folder().len() + 1 + desk.fragment().len());
    let said = move || {
        let (long, short) = (long.get(), desk.short.get_value());
        let exact = !desk.rounded.get() || short.is_none();
        match desk.lab.lang.get() {
            Lang::En => {
                let kept = if exact { "every number exact".to_owned() } else { rounded_en(&short) };
                format!("{long} characters, {kept}.")
            }
            Lang::Zh => {
                let kept = if exact { "所有数值精确".to_owned() } else { rounded_zh(&short) };
                format!("{long} 个字符，{kept}。")
            }
        }
    };
    let file = move |_| {
        let experiment = desk.lab.experiment.get_untracked();
        if let Ok(text) = serde_json::to_string_pretty(experiment.as_ref()) {
            // Where a browser has no files to give, the text can still be copied.
            let _ = save("attention-playground.json", "application/json", text.as_bytes());
        }
    };
    view! {
        <p class="note">{said}</p>
        {desk.short.get_value().is_some().then(|| view! {
            <Switch label=words("Round the numbers to three digits for a shorter link", "将数值舍入到三位以缩短链接") on=desk.rounded on_change=Callback::new(move |on| desk.rounded.set(on)) />
        })}
        <Show when=Signal::derive(move || long.get() > LONG)>
            <div class="issue" role="status">
                <p>{move || {
                    let lang = desk.lab.lang.get();
                    if desk.fragment().len() > limits::LINK {
                        i18n::now(lang, "Too long for a link: this page would not read it back. Send the file instead; it opens from this dialog.", "过长，无法作为链接读回。请改为发送文件，在此对话框中即可打开。")
                    } else {
                        i18n::now(lang, "Some programs cut links of this length. A file is safer; it opens from this dialog.", "有些程序会截断这样长的链接。使用文件更稳妥，在此对话框中即可打开。")
                    }
                }}</p>
                <button type="button" on:click=handler(file)>{t("Save as a file", "存为文件")}</button>
            </div>
        </Show>
    }
    .into_any()
}

fn rounded_en(short: &Option<(String, f32)>) -> String {
    short.as_ref().map_or_else(String::new, |(_, change)| {
        format!("numbers rounded, by at most {}", exponential(f64::from(*change), 1))
    })
}

fn rounded_zh(short: &Option<(String, f32)>) -> String {
    short.as_ref().map_or_else(String::new, |(_, change)| {
        format!("数值经舍入，改变不超过 {}", exponential(f64::from(*change), 1))
    })
}

/// Opens an experiment that was saved as a file: one step of undo.
fn open_file(lab: Lab, done: Callback<()>) -> AnyView {
    let input = NodeRef::<Input>::new();
    let fault = RwSignal::new(String::new());
    let chosen = move |_| {
        let Some(input) = input.get_untracked() else { return };
        let Some(file) = input.files().and_then(|files| files.get(0)) else { return };
        // The same file may be chosen again after it was mended.
        input.set_value("");
        fault.set(String::new());
        spawn_local(async move {
            match read(&file).await {
                Ok(experiment) => {
                    lab.replace("file", experiment);
                    done.run(());
                }
                Err(issues) => {
                    fault.try_set(issues.lines(lab.lang.get_untracked()));
                }
            }
        });
    };
    let press = move |_| {
        if let Some(input) = input.get_untracked() {
            input.click();
        }
    };
    view! {
        <p class="share__open">
            <button type="button" on:click=handler(press)>{t("Open a saved experiment", "打开已保存的实验")}</button>
            <input node_ref=input type="file" accept=".json,application/json" hidden on:change=handler(chosen) />
            <span class="note" role="alert">{move || fault.get()}</span>
        </p>
    }
    .into_any()
}

/// What a frame shows.
fn settings(desk: Desk) -> AnyView {
    let draft = desk.draft;
    let layouts = Layout::ALL.map(|(layout, name)| {
        let Text { en, zh } = layout.label();
        Item::new(name, words(en, zh))
    });
    let layouts = layouts.to_vec();
    let layout = Signal::derive(move || draft.with(|d| d.layout.name().to_owned()));
    let set_layout = Callback::new(move |id: String| {
        if let Some(layout) = Layout::named(&id) {
            draft.update(|d| {
                d.layout = layout;
                d.controls = layout.controls().to_vec();
                d.locked.retain(|control| d.controls.contains(control));
            });
        }
    });
    let theme = Signal::derive(move || {
        draft
            .with(|d| match d.theme {
                Theme::Auto => "auto",
                Theme::Light => "light",
                Theme::Dark => "dark",
            })
            .to_owned()
    });
    let set_theme = Callback::new(move |id: String| {
        draft.update(|d| {
            d.theme = match id.as_str() {
                "light" => Theme::Light,
                "dark" => Theme::Dark,
                _ => Theme::Auto,
            };
        });
    });
    let lang = Signal::derive(move || draft.with(|d| if d.lang == Lang::Zh { "zh" } else { "en" }).to_owned());
    let set_lang =
        Callback::new(move |id: String| draft.update(|d| d.lang = if id == "zh" { Lang::Zh } else { Lang::En }));
    let lazy = Signal::derive(move || draft.with(|d| d.lazy));
    let control = move |control: Control| {
        let (en, zh) = control.words();
        let on = Signal::memo(move || draft.with(|d| d.controls.contains(&control)));
        let locked = Signal::memo(move || draft.with(|d| d.locked.contains(&control)));
        let show = Callback::new(move |on: bool| {
            draft.update(|d| {
                d.controls = Control::ALL
                    .into_iter()
                    .filter(|c| if *c == control { on } else { d.controls.contains(c) })
                    .collect();
                d.locked.retain(|c| d.controls.contains(c));
            })
        });
        let lock = Callback::new(move |on: bool| {
            draft.update(|d| {
                d.locked.retain(|c| *c != control);
                if on {
                    d.locked.push(control);
                }
            })
        });
        view! {
            <li>
                <Switch label=words(en, zh) on=on on_change=show />
                <Show when=on><Switch label=words("locked", "锁定") on=locked on_change=lock /></Show>
            </li>
        }
    };
    view! {
        <h3>{t("What the reader sees", "读者看到的内容")}</h3>
        <Choices label=words("View", "视图") items=layouts chosen=layout on_choose=set_layout look=Look::Chips />
        <details class="more">
            <summary>{t("Controls beside it", "旁边的控件")}</summary>
            <ul class="share__controls">{Control::ALL.map(control).collect_view()}</ul>
        </details>
        <div class="share__row">
            <Choices label=words("Theme", "主题") items=vec![Item::new("auto", words("as the system", "跟随系统")), Item::new("light", words("light", "浅色")), Item::new("dark", words("dark", "深色"))] chosen=theme on_choose=set_theme look=Look::Segments />
            <Choices label=words("Language", "语言") items=vec![Item::new("en", words("English", "English")), Item::new("zh", words("中文", "中文"))] chosen=lang on_choose=set_lang look=Look::Segments />
        </div>
        <Switch label=words("Wait for a click before computing", "点击后才开始计算") on=lazy on_change=Callback::new(move |on| draft.update(|d| d.lazy = on)) />
    }
    .into_any()
}

/// The frame as a reader will see it, alive.
fn preview(desk: Desk) -> AnyView {
    let address = Signal::memo(move || {
        let query = desk.draft.with(Draft::query);
        format!("{}?{query}#{}", url::folder(), desk.fragment())
    });
    view! {
        <div class="share__preview">
            <h3>{t("Preview", "预览")}</h3>
            // The page's own origin, and the page's own code.
            <iframe title=move || i18n::now(desk.lab.lang.get(), "Preview of the frame", "嵌入框预览") src=move || address.get()></iframe>
        </div>
    }
    .into_any()
}
