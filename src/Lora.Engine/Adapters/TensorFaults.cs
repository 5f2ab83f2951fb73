using System.Globalization;

namespace Lora.Adapters;

/// <summary>What is wrong with an adapter's tensors: one problem a cause, which names the first tensors that have it and counts the others.</summary>
/// <param name="path">The adapter's folder; null for one in memory.</param>
/// <param name="label">What messages call the adapter.</param>
internal sealed class TensorFaults(string? path, string label)
{
    private const int MostNamed = 3;

    private readonly OrderedDictionary<string, List<string>> causes = new(StringComparer.Ordinal);

    /// <summary>What is said of an adapter's modules that a model has not: one problem, however many there are.</summary>
    /// <param name="adapter">The adapter.</param>
    /// <param name="modules">The names of the modules.</param>
    public static IReadOnlyList<LoraProblem> OfMissing(LoraAdapter adapter, IEnumerable<string> modules)
    {
        TensorFaults faults = new(adapter.Path, adapter.Label);
        foreach (string module in modules)
        {
            faults.Add(module, "the model has no such module" + (adapter.BaseModel is string own ? $"; the adapter's own model is '{own}'" : ""));
        }

        return faults.Problems();
    }

    /// <summary>Adds a tensor that has a fault.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="cause">The fault, which follows the names: nothing in it is the tensor's alone.</param>
    /// <param name="detail">What of the fault is the tensor's alone; null for nothing.</param>
    public void Add(string name, string cause, string? detail = null)
    {
        if (!causes.TryGetValue(cause, out List<string>? names))
        {
            causes.Add(cause, names = []);
        }

        names.Add($"'{name}'" + (detail is null ? "" : $" ({detail})"));
    }

    /// <summary>A problem for each cause, in the order in which they were found.</summary>
    public IReadOnlyList<LoraProblem> Problems() =>
        [.. causes.Select(cause => new LoraProblem(LoraError.AdapterWeightsInvalid, path, label, $"{Names(cause.Value)}: {cause.Key}"))];

    private static string Names(List<string> names)
    {
        string listed = string.Join(", ", names.Take(MostNamed));
        return names.Count <= MostNamed ? listed : listed + string.Create(CultureInfo.InvariantCulture, $" and {names.Count - MostNamed} more");
    }
}
