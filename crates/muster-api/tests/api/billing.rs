//! Subscriptions, orders, invoices and stock as they are on the wire.

use serde_json::{Value, json};

use crate::common::{Installation, run};

async fn operator(i: &Installation, method: &str, path: &str, body: &Value) -> Value {
    let call = i.call(method, path).by(&i.operator);
    let call = if body.is_null() { call } else { call.json(body) };
    let answer = call.send().await;
    assert!(answer.status.is_success(), "{method} {path}: {}", answer.text);
    answer.json()
}

async fn sells(i: &Installation) {
    let terms = json!({ "name": "Licences", "billing_model": "per_licence", "currency": "EUR",
        "prices": ["user=1000", "number=200", "number_setup=100", "shipping=900"] });
    operator(i, "POST", "/api/v1/subscriptions", &terms).await;
    let model = json!({ "name": "Yealink T54W", "brand": "Yealink", "model": "T54W", "lines": 16,
        "features": ["wifi", "poe"], "price_minor": 8900, "currency": "EUR" });
    operator(i, "POST", "/api/v1/phone-models", &model).await;
    let stock = json!({ "numbers": ["+12125550100", "+12125550101"], "country": "US", "region": "NY", "area_code": "212" });
    operator(i, "POST", "/api/v1/stock/numbers", &stock).await;
    let chosen = json!({ "subscription": "licences" });
    let path = "/api/v1/organizations/acme/subscription";
    let terms = operator(i, "PUT", path, &chosen).await;
    assert_eq!((&terms["billing_model"], &terms["is_default"]), (&json!("per_licence"), &json!(false)));
    let address =
        json!({ "name": "Office", "recipient": "Desk", "country": "JP", "street": "Main", "city": "Osaka" });
    i.admin("POST", "/shipping-addresses").json(&address).send().await.expect(201);
}

fn wanted() -> Value {
    json!({ "address": "office", "note": "new hire", "items": [
        { "kind": "licence", "user_type": "user", "quantity": 2 },
        { "kind": "number", "country": "US", "area_code": "212", "user": "1001" },
        { "kind": "phone", "model": "yealink t54w", "user": "1001" },
    ] })
}

#[test]
fn an_order_goes_from_the_price_to_the_invoice() {
    run(async |i| {
        sells(i).await;
        i.user("1001", "Ana").await;
        let made = i.admin("POST", "/orders").json(&wanted()).send().await.expect(201);
        assert!(made.header("location").contains("/orders/"));
        let order = made.json();
        assert_eq!(
            (&order["once_minor"], &order["per_cycle_minor"]),
            (&json!(100 + 8900 + 900), &json!(2200))
        );
        assert_eq!(order["items"].as_array().unwrap().len(), 4, "a sending follows from the phone: {order}");
        let free =
            i.call("GET", "/api/v1/stock/numbers?total=true").by(&i.reader).send().await.expect(200).json();
        assert_eq!(free["total"], 1, "one is held: {free}");

        let id = order["id"].as_str().unwrap();
        let confirm = format!("/orders/{id}/confirm");
        let mut body = json!({ "price_digest": order["price_digest"], "acknowledged": false });
        assert_eq!(i.admin("POST", &confirm).json(&body).send().await.wrong_fields(), ["acknowledged"]);
        body["acknowledged"] = json!(true);
        let mut other = body.clone();
        other["price_digest"] = json!("00");
        i.admin("POST", &confirm).json(&other).send().await.problem(409, "plan-changed");
        let bought = i.admin("POST", &confirm).json(&body).send().await.expect(200).json();
        assert_eq!(bought["state"], "confirmed");
        let again = i.admin("POST", &confirm).json(&body).send().await.expect(200);
        assert_eq!(again.json()["version"], bought["version"], "once");

        let numbers = i.admin("GET", "/numbers").send().await.expect(200).json();
        assert_eq!(
            (&numbers["items"][0]["kind"], &numbers["items"][0]["area_code"]),
            (&json!("direct"), &json!("212"))
        );
        let devices = i.admin("GET", "/devices").send().await.expect(200).json();
        assert_eq!(devices["items"][0]["state"], "ordered");
        let terms = i.admin("GET", "/subscription").send().await.expect(200).json();
        assert_eq!(terms["licences"], json!([{ "user_type": "user", "held": 2, "used": 0 }]));

        let preview = i.admin("GET", "/invoices/preview").send().await.expect(200).json();
        let expected = order["once_minor"].as_i64().unwrap() + order["first_cycle_minor"].as_i64().unwrap();
        assert_eq!(preview["total_minor"], expected, "{preview}");
        let csv = i.admin("GET", "/invoices/preview.csv").send().await.expect(200);
        assert!(csv.text.contains(",Ana,1001,") && csv.text.contains(",'+12125550100,"), "{}", csv.text);
        let page = i.admin("GET", "/invoices/preview.html").send().await.expect(200);
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
        assert!(page.text.contains("Yealink T54W") && page.text.contains("Ana (1001)"), "{}", page.text);
    });
}

#[test]
fn a_cycle_that_is_over_is_closed_by_the_operator_and_shown_by_its_name() {
    run(async |i| {
        sells(i).await;
        i.admin("POST", "/invoices").send().await.problem(403, "not-permitted");
        let path = "/api/v1/organizations/acme/invoices";
        let running = i.admin("GET", "/invoices/preview").send().await.json()["cycle"].clone();
        let early = i.call("POST", path).by(&i.operator).json(&json!({ "cycle": running })).send().await;
        assert_eq!(early.wrong_fields(), ["cycle"]);
        let closed = operator(i, "POST", path, &json!({})).await;
        assert_eq!(operator(i, "POST", path, &json!({})).await, closed);
        let cycle = closed["cycle"].as_str().unwrap();
        let shown = i.admin("GET", &format!("/invoices/{cycle}")).send().await.expect(200).json();
        assert_eq!(shown, closed);
        let lines = i.admin("GET", &format!("/invoices/{cycle}/lines")).send().await.expect(200).json();
        assert_eq!(lines, json!({ "items": [], "next_cursor": null }));
        let check = i.admin("GET", &format!("/invoices/{cycle}/check")).send().await.expect(200).json();
        assert_eq!(check["same"], true, "{check}");
        let csv = i.admin("GET", &format!("/invoices/{cycle}/invoice.csv")).send().await.expect(200);
        assert!(csv.header("content-disposition").contains(cycle));
        i.admin("GET", &format!("/invoices/{cycle}/invoice.html")).send().await.expect(200);
        i.admin("GET", "/invoices/1999-01").send().await.problem(404, "not-found");
    });
}

#[test]
fn every_mistake_of_an_order_is_said_with_its_place() {
    run(async |i| {
        sells(i).await;
        let body = json!({ "items": [
            { "kind": "licence", "user_type": "boss", "quantity": 0 },
            { "kind": "car" },
            { "kind": "phone", "modell": "x" },
            5,
        ], "adress": "x" });
        let wrong = i.admin("POST", "/orders").json(&body).send().await.wrong_fields();
        let expected = [
            "adress",
            "items[0].quantity",
            "items[0].user_type",
            "items[1].kind",
            "items[2].modell",
            "items[3]",
        ];
        assert_eq!(wrong, expected);
        let ask = async |item: Value| {
            i.admin("POST", "/orders").json(&json!({ "items": [item] })).send().await.wrong_fields()
        };
        assert_eq!(ask(json!({ "kind": "phone", "model": "Yealink T54W" })).await, ["address"]);
        assert_eq!(ask(json!({ "kind": "phone", "model": "Nokia", "address": "Office" })).await, ["model"]);
        assert_eq!(ask(json!({ "kind": "number", "user": "9999", "country": "US" })).await, ["user"]);
        assert_eq!(ask(json!({ "kind": "number", "country": "PT" })).await, ["number"]);
        i.admin("POST", "/orders").json(&json!({ "items": [] })).send().await.problem(400, "invalid");
        let all = i.admin("GET", "/orders?total=true").send().await.expect(200).json();
        assert_eq!(all["total"], 0, "nothing of it is kept");
    });
}

#[test]
fn what_is_not_licensed_is_not_activated_and_says_how_many_are_missing() {
    run(async |i| {
        sells(i).await;
        i.user("1001", "Ana").await;
        let body = json!({ "users": ["1001"] });
        let refused = i.admin("POST", "/users/activate").json(&body).send().await.problem(409, "not-allowed");
        assert!(refused["detail"].as_str().unwrap().contains("order 1 more"), "{refused}");
        let path = "/api/v1/organizations/acme/licences";
        i.admin("POST", "/licences")
            .json(&json!({ "user_type": "user", "quantity": 1 }))
            .send()
            .await
            .expect(403);
        let given = operator(i, "POST", path, &json!({ "user_type": "user", "quantity": 1 })).await;
        i.admin("POST", "/users/activate").json(&body).send().await.expect(200);
        let end = format!("/licences/{}/end", given["id"].as_str().unwrap());
        let refused = i.admin("POST", &end).send().await.problem(409, "not-allowed");
        assert!(refused["detail"].as_str().unwrap().contains("deactivate 1"), "{refused}");
        i.admin("POST", "/users/deactivate").json(&body).send().await.expect(200);
        let ended = i.admin("POST", &end).send().await.expect(200).json();
        assert!(ended["ends_at"].is_string(), "{ended}");
    });
}

#[test]
fn what_is_on_offer_is_seen_by_all_and_written_by_the_operator() {
    run(async |i| {
        sells(i).await;
        for path in ["/api/v1/subscriptions", "/api/v1/phone-models", "/api/v1/stock/numbers"] {
            let seen = i.call("GET", path).by(&i.stranger).send().await.expect(200).json();
            assert!(!seen["items"].as_array().unwrap().is_empty(), "{path}");
            let body = json!({ "name": "Mine" });
            i.call("POST", path).by(&i.stranger).json(&body).send().await.problem(403, "not-permitted");
        }
        let found = "/api/v1/phone-models?filter=features~wifi%20and%20lines%3D16";
        let found = i.call("GET", found).by(&i.reader).send().await.expect(200).json();
        assert_eq!(found["items"][0]["name"], "Yealink T54W");
        let twice = json!({ "name": "Twice", "prices": ["user=1", "user=2"] });
        let refused = i.call("POST", "/api/v1/subscriptions").by(&i.operator).json(&twice).send().await;
        assert_eq!(refused.wrong_fields(), ["prices"]);
        let yen = json!({ "name": "Yen", "currency": "JPY", "prices": ["car=1"] });
        let refused = i.call("POST", "/api/v1/subscriptions").by(&i.operator).json(&yen).send().await;
        assert_eq!(refused.wrong_fields(), ["currency", "prices"]);
        let taken = json!({ "numbers": ["+12125550199", "+12125550100"], "country": "US" });
        let refused = i.call("POST", "/api/v1/stock/numbers").by(&i.operator).json(&taken).send().await;
        refused.problem(409, "taken");
    });
}
