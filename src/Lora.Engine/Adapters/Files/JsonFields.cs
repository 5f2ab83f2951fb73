using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lora.Adapters;

/// <summary>Takes the keys of a JSON object one by one as the types that are expected, collects what does not fit and keeps the rest.</summary>
internal sealed class JsonFields(JsonObject fields, string source)
{
    /// <summary>The keys that were not what was expected.</summary>
    public List<LoraProblem> Problems { get; } = [];

    /// <summary>The keys that nobody took, in the file's order; null when there are none.</summary>
    public string? Rest => fields.Count == 0 ? null : fields.ToJsonString();

    /// <summary>Whether a key that nobody took is there.</summary>
    public bool Has(string key) => fields.ContainsKey(key);

    public bool Bool(string key) => Take(key, JsonValueKind.True, JsonValueKind.False)?.GetValue<bool>() ?? false;

    public double? Number(string key)
    {
        JsonNode? number = Take(key, JsonValueKind.Number);
        if (number is not null && !IsFinite(number))
        {
            Wrong(key, number.ToJsonString(), "a finite number");
            return null;
        }

        return number?.GetValue<double>();
    }

    public int? Integer(string key)
    {
        double? number = Number(key);
        if (number is double value && (!double.IsInteger(value) || Math.Abs(value) > int.MaxValue))
        {
            Wrong(key, value.ToString(System.Globalization.CultureInfo.InvariantCulture), "a whole number");
            return null;
        }

        return (int?)number;
    }

    public string? Text(string key) => Take(key, JsonValueKind.String)?.GetValue<string>();

    public JsonNode? Take(string key, params JsonValueKind[] kinds)
    {
        // PEFT writes every key, and null for what is not set.
        if (!fields.Remove(key, out JsonNode? node) || node is null)
        {
            return null;
        }

        if (kinds.Contains(node.GetValueKind()))
        {
            return node;
        }

        Wrong(key, node.ToJsonString(), string.Join(" or ", kinds.Select(Describe).Distinct()));
        return null;
    }

    public string[]? Texts(string key) => Texts(key, Take(key, JsonValueKind.Array));

    public string[]? Texts(string key, JsonNode? node) => Items(key, node, JsonValueKind.String, "an array of strings", item => item.GetValue<string>());

    public int[]? Integers(string key, JsonNode? node)
    {
        int?[]? numbers = Items(key, node, JsonValueKind.Number, "an array of whole numbers", Whole);
        return numbers is null || numbers.Contains(null) ? null : [.. numbers.Select(number => number!.Value)];

        int? Whole(JsonNode item)
        {
            if (item.AsValue().TryGetValue(out int number))
            {
                return number;
            }

            Wrong(key, item.ToJsonString(), "an array of whole numbers");
            return null;
        }
    }

    /// <summary>An array inside of a key's value; what is none is noted as wrong.</summary>
    public JsonArray? Array(string key, JsonNode? node)
    {
        if (node is not JsonArray)
        {
            Wrong(key, node?.ToJsonString() ?? "null", "an array of whole numbers, or an object of such arrays");
        }

        return node as JsonArray;
    }

    public LoraPatternValue[]? PatternValues(string key)
    {
        // PEFT writes an empty object where no pattern is set.
        if (Take(key, JsonValueKind.Object) is not JsonObject pairs || pairs.Count == 0)
        {
            return null;
        }

        return pairs.All(pair => pair.Value?.GetValueKind() == JsonValueKind.Number && IsFinite(pair.Value))
            ? [.. pairs.Select(pair => new LoraPatternValue { Pattern = pair.Key, Value = pair.Value!.GetValue<double>() })]
            : Reject<LoraPatternValue>(key, pairs, "an object of finite numbers");
    }

    /// <summary>JSON has no infinity, but digits that come to it.</summary>
    private static bool IsFinite(JsonNode number) => double.IsFinite(number.GetValue<double>());

    private T[]? Items<T>(string key, JsonNode? node, JsonValueKind kind, string expected, Func<JsonNode, T> convert)
    {
        if (node is not JsonArray items)
        {
            return null;
        }

        return items.All(item => item?.GetValueKind() == kind) ? [.. items.Select(item => convert(item!))] : Reject<T>(key, node, expected);
    }

    private T[]? Reject<T>(string key, JsonNode node, string expected)
    {
        Wrong(key, node.ToJsonString(), expected);
        return null;
    }

    private void Wrong(string key, string found, string expected) =>
        Problems.Add(new(LoraError.AdapterConfigInvalid, source, source, $"'{key}' is {found}; expected is {expected}"));

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.True or JsonValueKind.False => "true or false",
        JsonValueKind.Number => "a number",
        JsonValueKind.String => "a string",
        JsonValueKind.Array => "an array",
        _ => "an object",
    };
}
