using System.Text;
using System.Text.Json;
using LlmRing.Modules.Otlp.Wire;

namespace LlmRing.Modules.Otlp.Calls;

/// <summary>
/// The <c>metadata</c> of a usage: a bounded set of labels, and how its counts were read, so that rows can be found and priced anew.
/// Never all attributes, because prompts, headers and command lines are among them.
/// </summary>
internal static class CallMetadata
{
    private const int MaxText = 128;

    public static string Of(TelemetryRecord record, IReadOnlyList<string> models, ReportedTokens tokens, InputCounting counting)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            Write("trace_id", record.TraceId);
            Write("span_id", record.SpanId);
            Write("name", record.Name);
            Write("scope", record.Scope.Name);
            Write("scope_version", record.Scope.Version);
            Write("operation", record.Attributes.FirstTextOf([SourceAttributes.Operation, SourceAttributes.AiOperation]));
            Write("request_model", models.Count > 1 ? models[1] : null);
            Write("error_type", record.Attributes.TextOf(SourceAttributes.ErrorType));
            Write("finish_reasons", record.Attributes.FirstTextOf(SourceAttributes.FinishReasons));
            Write("conversation", record.Attributes.FirstTextOf(SourceAttributes.Conversations));
            Write("user", record.Attributes.FirstTextOf(SourceAttributes.Users));
            Write("reported_cost", record.Attributes.FirstTextOf(SourceAttributes.Costs));
            json.WriteString("input_counting", counting.IsInclusive ? "inclusive" : "exclusive");
            json.WriteString("input_counting_by", counting.Evidence);
            json.WriteNumber("input_tokens_sent", tokens.Input);
            json.WriteNumber("output_tokens_sent", tokens.Output);
            json.WriteEndObject();

            void Write(string name, string? text)
            {
                if (string.IsNullOrEmpty(text))
                    return;
                if (text.Contains('\0'))
                    throw new RefusedRecordException($"{name} contains the character U+0000");
                json.WriteString(name, WantedAttributes.Cut(text, MaxText));
            }
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }
}
