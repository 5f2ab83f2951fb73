using System.Text.Json;

namespace Lora.Data;

/// <summary>Says what a row is that has none of the keys that are read.</summary>
internal static class OtherRow
{
    private const int MostNamed = 5;
    private const int LongestName = 40;

    private static readonly (string Key, string Kind)[] Kinds =
    [
        ("messages", "a chat row"), ("conversations", "a chat row"), ("conversation", "a chat row"), ("instruction", "an Alpaca row"),
        ("chosen", "a preference row"), ("question", "a row of questions and answers"), ("input", "a row of inputs and outputs"),
    ];

    /// <summary>For example <c>it is a chat row ("messages"), and has neither ...</c>.</summary>
    public static string Describe(JsonElement row)
    {
        const string Lacking = "neither \"text\" nor \"prompt\" and \"completion\"";
        foreach ((string key, string kind) in Kinds)
        {
            if (row.TryGetProperty(key, out _))
            {
                return $"it is {kind} (\"{key}\") and has {Lacking}";
            }
        }

        string[] names = [.. row.EnumerateObject().Select(field => $"\"{(field.Name.Length > LongestName ? field.Name[..LongestName] + "..." : field.Name)}\"").Distinct().Take(MostNamed + 1)];
        string found = string.Join(", ", names.Take(MostNamed)) + (names.Length > MostNamed ? ", ..." : "");
        return found.Length > 0 ? $"it has {Lacking}, but {found}" : $"it has {Lacking}: it is empty";
    }
}
