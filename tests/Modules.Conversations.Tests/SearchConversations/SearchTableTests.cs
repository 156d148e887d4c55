using LlmRing.Testing;

namespace LlmRing.Modules.Conversations.Tests.SearchConversations;

/// <summary>Which queries find which texts, in scripts and in kinds of technical text. One key stores the texts of one group.</summary>
[ClassDataSource<ServerFixture>(Shared = SharedType.PerClass)]
public sealed class SearchTableTests(ServerFixture server)
{
    private static readonly Row[] Rows =
    [
        new("Latin", "The Train leaves Zürich at nine, don't concatenate.")
        {
            Found = ["zurich", "ZÜRICH train", "nine", "\"leaves zurich\"", "conc*", "don't", "train -bus", "bus or train"],
            NotFound = ["cat", "rain", "concat", "enate*", "\"train zurich\"", "train -nine", "bus or tram", "zur"],
        },
        new("Latin", "Crème brûlée, Straße und Łódź, smørrebrød in Đà Nẵng")
        {
            Found = ["creme brulee", "strasse", "STRASSE", "lodz", "smorrebrod", "\"da nang\"", "cre\u0300me"],
            NotFound = ["creme -strasse", "stra"],
        },
        new("Greek", "Ο Οδυσσέας ταξίδεψε στην Ιθάκη") { Found = ["οδυσσεας", "ΙΘΑΚΗ", "\"στην ιθακη\"", "οδυσσ*"], NotFound = ["δυσσεας"] },
        new("Cyrillic", "Ёлка стоит в Санкт-Петербурге") { Found = ["елка", "петербурге", "\"санкт петербурге\"", "петер*"], NotFound = ["петер", "бурге"] },
        new("Arabic", "ذهبَ أحمدُ إلى المدرسة") { Found = ["احمد", "ذهب", "\"الى المدرسة\""], NotFound = ["درسة", "مد"] },
        new("Hebrew", "הַיְלָדִים הלכו לבית הספר") { Found = ["הילדים", "הספר"], NotFound = ["ילדים"] },
        new("Devanagari", "मुझे हिन्दी में किताब पढ़नी है, कमरा १२") { Found = ["किताब", "हिन्दी", "पढ़नी", "12"], NotFound = ["ताब", "हिन"] },
        new("Han", "我昨天在北京大学图书馆看书。") { Found = ["北京", "大学", "图书馆", "北京大学", "看书", "京", "书", "北京 图书"], NotFound = ["东京", "京北", "北大", "南"] },
        new("Han", "價格是一百元，２０２６年１１月") { Found = ["一百", "價格", "2026", "2026年11月"], NotFound = ["百一", "2025"] },
        new("Japanese", "東京タワーへ行きました。ｶﾞｲﾄﾞとデータベース")
        {
            Found = ["東京", "タワー", "東京タワー", "行き", "ガイド", "データ", "\u30C6\u3099ータ"],
            NotFound = ["京都", "ワタ", "カイト"],
        },
        new("Thai", "ฉันอยากกินข้าวผัดที่ร้านน้ำชา") { Found = ["กินข้าว", "ข้าวผัด", "ร้าน", "น้ำ"], NotFound = ["ผัดข้าว", "กาแฟ"] },
        new("Khmer", "ខ្ញុំចង់ញ៉ាំបាយ") { Found = ["បាយ", "ចង់"], NotFound = ["បាយចង់"] },
        new("Korean", "데이터베이스에서 학교까지 걸어갔습니다") { Found = ["데이터", "베이스", "학교", "걸어", "\u1112\u1161\u11A8\u1100\u116D"], NotFound = ["대학", "교학"] },
        new("Mixed", "iPhone15を東京で買う") { Found = ["iphone15", "iphone", "15", "東京", "iPhone15を東京"], NotFound = ["phone16", "大阪"] },
        new("Stack traces", "Unhandled exception. System.NullReferenceException: Object reference\n   at Acme.Billing.InvoiceService.SendAsync(Guid id) in /src/Billing/InvoiceService.cs:line 42")
        {
            Found =
            [
                "NullReferenceException", "nullreferenceexception", "ReferenceException", "System.NullReferenceException", "invoice",
                "InvoiceService.SendAsync", "InvoiceService.cs:line 42", "billing", "nullref*", "null reference exception",
            ],
            NotFound = ["ullreference", "referenceexc", "NullPointerException", "exceptional", "voice"],
        },
        new("Stack traces", "  File \"/usr/lib/python3.11/json/decoder.py\", line 337, in raw_decode\nraise JSONDecodeError(\"Expecting value\", s, err.value)")
        {
            Found = ["JSONDecodeError", "decoder.py", "raw_decode", "rawDecode", "python3.11", "DecodeError", "json decode"],
            NotFound = ["code", "corder", "python3.12"],
        },
        new("Paths and URLs", "GET https://api.example.com:8443/v2/users/42?sort=created_at&page=3#top and C:\\Program Files\\Acme\\bin\\run-me.exe")
        {
            Found = ["example.com", "api.example.com", "8443", "/v2/users/42", "created_at", "sort=created_at", "Acme\\bin", "run-me.exe", "program files"],
            NotFound = ["ample.com", "/v3/users", "844"],
        },
        new("Configuration", "config.max_retries=5\nspring.datasource.hikari.maximumPoolSize: 20\nLOG_LEVEL=debug --no-cache")
        {
            Found = ["max_retries", "config.max_retries", "retries", "config.max_retries=5", "maxRetries", "maximumPoolSize", "pool size", "LOG_LEVEL", "loglevel", "--no-cache", "hikari"],
            NotFound = ["tries", "max_retry", "poolsizes"],
        },
        new("SQL and codes", "ORA-12154: TNS could not resolve; SQLSTATE 23505, error TS2345, CVE-2021-44228; select user_id from order_items where sku='AB-1234'")
        {
            Found = ["12154", "ORA-12154", "ora 12154", "23505", "TS2345", "2345", "CVE-2021-44228", "order_items", "items", "AB-1234", "\"select user_id from\""],
            NotFound = ["1215", "ORA-12155", "CVE-2021-44229", "temp", "\"from select\""],
        },
        new("SQL and codes", "commit 9fceb02d0ae598e95dc970b74767f19372d61af8, request 550e8400-e29b-41d4-a716-446655440000, utf8mb4")
        {
            Found = ["9fceb02d0ae598e95dc970b74767f19372d61af8", "9fceb02*", "550e8400-e29b-41d4-a716-446655440000", "e29b", "utf8mb4", "utf8"],
            NotFound = ["d0ae", "b74", "9fceb02"],
        },
        new("Source code", "public async Task<HTTPResponse> getUserById(int userId) { return await _httpClient.GetAsync($\"/users/{userId}\"); } // ΔTime")
        {
            Found = ["getUserById", "userById", "user_id", "HTTPResponse", "response", "httpClient", "Task<HTTPResponse>", "async task", "ΔTime", "time"],
            NotFound = ["\"users by\"", "getUserByName", "tpResponse", "sync"],
        },
    ];

    public static string[] Groups() => [.. Rows.Select(row => row.Group).Distinct()];

    [Test]
    [MethodDataSource(nameof(Groups))]
    public async Task Texts_are_found_by_their_words_only(string group)
    {
        using var client = server.NewClient();
        var rows = new List<(Row Row, string Id)>();
        foreach (var row in Rows.Where(row => row.Group == group))
        {
            var id = await client.NewConversationAsync("-");
            await client.PostAsync($"/conversations/{id}/messages", Chat.User(row.Text));
            rows.Add((row, id));
        }

        await Assert.That(await FaultsAsync()).IsEmpty();
        await server.IndexedAsync();
        await Assert.That(await FaultsAsync()).IsEmpty();

        async Task<List<string>> FaultsAsync()
        {
            var faults = new List<string>();
            foreach (var (row, id) in rows)
            {
                foreach (var query in row.Found)
                {
                    if (!await FindsAsync(id, query))
                        faults.Add($"{query} is not found");
                }

                foreach (var query in row.NotFound)
                {
                    if (await FindsAsync(id, query))
                        faults.Add($"{query} is found");
                }
            }

            return faults;
        }

        async Task<bool> FindsAsync(string id, string query) =>
            (await client.FindAsync(query)).Any(hit => (string?)hit!["conversation_id"] == id);
    }

    [Test]
    public async Task The_table_has_at_least_sixty_rows() =>
        await Assert.That(Rows.Sum(row => row.Found.Length + row.NotFound.Length)).IsGreaterThanOrEqualTo(60);

    /// <summary>A text, and queries.</summary>
    private sealed record Row(string Group, string Text)
    {
        public required string[] Found { get; init; }
        public required string[] NotFound { get; init; }
    }
}
