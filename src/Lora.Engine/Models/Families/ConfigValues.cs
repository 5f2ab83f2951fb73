using System.Text.Json;

namespace Lora.Models;

/// <summary>Typed access to the keys of a config.json; what is wrong is collected, so that all of it is reported together.</summary>
internal sealed class ConfigValues
{
    /// <summary>More than any size of a model: products of two of them stay within 64 bits.</summary>
    public const int MostCount = 1 << 24;

    private readonly JsonElement root;
    private readonly List<(LoraError Error, string Text)> problems;
    private readonly IReadOnlyDictionary<string, string> names;

    public ConfigValues(string path, JsonElement root)
        : this(path, root, [], new Dictionary<string, string>())
    {
    }

    private ConfigValues(string path, JsonElement root, List<(LoraError Error, string Text)> problems, IReadOnlyDictionary<string, string> names)
    {
        Path = path;
        this.root = root;
        this.problems = problems;
        this.names = names;
        if (root.ValueKind is not (JsonValueKind.Object or JsonValueKind.Undefined))
        {
            Report("it is not a JSON object");
            ThrowIfAnyProblem();
        }
    }

    public string Path { get; }

    /// <summary>The same values for a family that has names of its own for some keys; where a file has both, the family's counts.</summary>
    /// <param name="own">The usual key -> the family's.</param>
    public ConfigValues Named(IReadOnlyDictionary<string, string> own) => new(Path, root, problems, own);

    /// <summary>What the family calls a key.</summary>
    public string NameOf(string key) => names.GetValueOrDefault(key, key);

    /// <summary>Notes something that is wrong with the file.</summary>
    public void Report(string problem) => problems.Add((LoraError.ConfigInvalid, problem));

    /// <summary>Notes something that is valid and that the engine does not have.</summary>
    public void ReportUnsupported(string problem) => problems.Add((LoraError.ConfigUnsupported, problem));

    public void ThrowIfAnyProblem() => LoraException.ThrowIfAny([.. problems
        .GroupBy(problem => problem.Error, problem => problem.Text)
        .OrderBy(group => group.Key)
        .Select(group => new LoraProblem(group.Key, Path, Path, string.Join("; ", group)))]);

    public bool Has(string key) => root.ValueKind == JsonValueKind.Object && (root.TryGetProperty(NameOf(key), out _) || root.TryGetProperty(key, out _));

    public string? Text(string key) => Find(key) is { ValueKind: JsonValueKind.String } value ? value.GetString() : null;

    public string? TextAt(string key, int index) =>
        Find(key) is { ValueKind: JsonValueKind.Array } list && index < list.GetArrayLength() ? list[index].GetString() : null;

    /// <summary>A number of a list; null where the list does not have it.</summary>
    public double? NumberAt(string key, int index) =>
        Find(key) is { ValueKind: JsonValueKind.Array } list && index < list.GetArrayLength() && list[index].ValueKind == JsonValueKind.Number ? list[index].GetDouble() : null;

    /// <summary>The texts of a list of [texts, how often they are repeated], no more than asked for; null when there is none or it is not such a list.</summary>
    public IReadOnlyList<string>? Repeated(string key, int most)
    {
        if (Find(key) is not { } value)
        {
            return null;
        }

        List<string> texts = [];
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement pair in value.EnumerateArray())
            {
                bool isPair = pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2 && pair[0].ValueKind == JsonValueKind.Array && pair[1].ValueKind == JsonValueKind.Number;
                if (!isPair || !pair[1].TryGetInt32(out int times))
                {
                    return [];
                }

                string[] part = [.. pair[0].EnumerateArray().Select(text => text.GetString() ?? "")];
                // The file can state any number of times. One more than asked for is kept, which tells that there are too many.
                texts.AddRange(Enumerable.Repeat(part, Math.Clamp(times, 0, most)).SelectMany(text => text).Take(most + 1));
            }
        }

        return texts;
    }

    public bool Flag(string key, bool otherwise = false) => Find(key) is { } value ? value.ValueKind == JsonValueKind.True : otherwise;

    public double Number(string key, double otherwise) => NumberOrNull(key) ?? otherwise;

    public double? NumberOrNull(string key)
    {
        if (Find(key) is not { } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && double.IsFinite(value.GetDouble()))
        {
            return value.GetDouble();
        }

        Report($"{NameOf(key)} is {value.GetRawText()}; expected is a finite number");
        return null;
    }

    /// <summary>A number above zero, or null where the file says so.</summary>
    public double? PositiveUnlessNull(string key, double? otherwise)
    {
        double? number = Has(key) ? NumberOrNull(key) : otherwise;
        if (number <= 0)
        {
            Report($"{key} is {number}; expected is more than 0");
        }

        return number;
    }

    /// <summary>As many numbers above zero as are expected; anything else is a problem.</summary>
    public IReadOnlyList<double> Positives(string key, int count)
    {
        if (Find(key) is { ValueKind: JsonValueKind.Array } list)
        {
            double[] numbers = [.. list.EnumerateArray().Select(value => value.ValueKind == JsonValueKind.Number ? value.GetDouble() : 0)];
            if (numbers.Length == count && numbers.All(number => number > 0 && double.IsFinite(number)))
            {
                return numbers;
            }
        }

        Report($"{key} is not a list of {count} numbers above zero");
        return [];
    }

    /// <summary>A list of whole numbers; empty where it is missing.</summary>
    public IReadOnlyList<int> WholeNumbers(string key)
    {
        if (Find(key) is not { } value)
        {
            return [];
        }

        if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(entry => entry.ValueKind == JsonValueKind.Number && entry.TryGetInt32(out _)))
        {
            return [.. value.EnumerateArray().Select(entry => entry.GetInt32())];
        }

        Report($"{key} is not a list of whole numbers");
        return [];
    }

    /// <summary>A whole number from 1 to <see cref="MostCount"/>; a missing one is a problem.</summary>
    public int Count(string key)
    {
        if (Find(key) is null)
        {
            Report($"{NameOf(key)} is missing");

            // A number that can be gone on with, so that the other problems are found too; ThrowIfAnyProblem ends it.
            return 1;
        }

        return CountOrNull(key) ?? 1;
    }

    /// <summary>The texts of an object by their keys; null where there is none, or something that is no text.</summary>
    public IReadOnlyDictionary<string, string>? Texts(string key) =>
        Find(key) is { ValueKind: JsonValueKind.Object } entries && entries.EnumerateObject().All(entry => entry.Value.ValueKind == JsonValueKind.String)
            // JSON lets a key stand twice, for which a dictionary would throw.
            ? entries.EnumerateObject().DistinctBy(entry => entry.Name).ToDictionary(entry => entry.Name, entry => entry.Value.GetString()!, StringComparer.Ordinal)
            : null;

    /// <summary>A token id, or null where the file has none.</summary>
    public int? IdOrNull(string key)
    {
        if (Find(key) is not { } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id is >= 0 and <= MostCount)
        {
            return id;
        }

        Report($"{key} is {value.GetRawText()}; expected is a token id");
        return null;
    }

    public int Count(string key, int otherwise) => CountOrNull(key) ?? otherwise;

    public int? CountOrNull(string key)
    {
        if (Find(key) is not { } value)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int count) && count is >= 1 and <= MostCount)
        {
            return count;
        }

        Report($"{NameOf(key)} is {value.GetRawText()}; expected is a whole number from 1 to {MostCount}");
        return null;
    }

    public ConfigValues? Object(string key) => Find(key) is { ValueKind: JsonValueKind.Object } value ? new(Path, value, problems, names) : null;

    /// <summary>An object within, with what it leaves out.</summary>
    /// <param name="key">Its key.</param>
    /// <param name="defaults">The values of keys that it does not have, as JSON.</param>
    public ConfigValues? Object(string key, string defaults)
    {
        if (Find(key) is not { ValueKind: JsonValueKind.Object } value)
        {
            return null;
        }

        Dictionary<string, JsonElement> merged = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(defaults)!;
        foreach (JsonProperty property in value.EnumerateObject())
        {
            merged[property.Name] = property.Value;
        }

        return new(Path, JsonSerializer.SerializeToElement(merged), problems, names);
    }

    public ConfigValues Empty() => new(Path, default, problems, names);

    /// <summary>The value of a key that is there and not null.</summary>
    private JsonElement? Find(string key) => FindNamed(NameOf(key)) ?? FindNamed(key);

    private JsonElement? FindNamed(string name) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
