using Lora.Checkpoints;
using Lora.Models;
using Lora.Selection;
using Lora.Training;

namespace Lora.Generation;

/// <summary>What is loaded together, found out from headers, configuration and the adapters' own tensors; what does not fit is found here.</summary>
/// <param name="Folder">The model's folder.</param>
/// <param name="Shape">The model.</param>
/// <param name="Adapters">The adapters by their names, in their order.</param>
internal sealed record GeneratorPlan(string Folder, ModelShape Shape, IReadOnlyList<(string Name, PlannedAdapter Planned)> Adapters)
{
    /// <summary>The vocabulary that the model is loaded with; null for its own.</summary>
    public ResizedVocabulary? Vocabulary => Adapters.Select(adapter => adapter.Planned.Fitted?.Vocabulary).FirstOrDefault(vocabulary => vocabulary is not null);

    /// <summary>Messages that do not stop the work.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>What is good to know and no more.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Makes the plan.</summary>
    /// <param name="model">The model's folder; null when the adapters know it.</param>
    /// <param name="adapters">The adapters.</param>
    /// <param name="options">How the model is loaded.</param>
    /// <exception cref="LoraException">All problems of the options, the model and the adapters.</exception>
    public static GeneratorPlan Make(string? model, IReadOnlyList<LoraAdapter> adapters, GeneratorOptions options)
    {
        LoraException.ThrowIfAny(options.Check());
        string folder = FolderOf(model, adapters);
        List<LoraProblem> problems = [];
        ModelShape? shape = Problems.Collect(problems, () => Speaking(folder));
        ModuleFilter all = new([], []);
        MeasurementPlan[] plans = [.. adapters.Select(adapter => Problems.Collect(problems, () => Planned(adapter, folder, all, options))).OfType<MeasurementPlan>()];
        if (adapters.Count > 1 && plans.Any(plan => plan.Vocabulary is not null))
        {
            string names = string.Join(" + ", adapters.Select(adapter => adapter.Label));
            problems.Add(new(LoraError.ConfigConflict, names, $"adapters on one model need one vocabulary, and one of {names} has its own"));
        }

        LoraException.ThrowIfAny(problems);
        string[] labels = [.. Names(adapters)];
        return new(folder, shape!, [.. plans.Select((plan, index) => (labels[index], plan.Adapters[0]))])
        {
            Warnings = [.. plans.SelectMany(plan => plan.Warnings)],
            Notes = [.. plans.SelectMany(plan => plan.Notes)],
        };
    }

    /// <summary>The last part of each adapter's folder, of one in the cache its name on the hub, or what it is called that has none, with a number where another has it too.</summary>
    private static IEnumerable<string> Names(IReadOnlyList<LoraAdapter> adapters)
    {
        HashSet<string> taken = new(StringComparer.OrdinalIgnoreCase);
        foreach (LoraAdapter adapter in adapters)
        {
            string name = adapter.Path is not string path ? "adapter" : SnapshotPath.Of(path)?.Name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
            string own = name;
            for (int number = 2; !taken.Add(own); number++)
            {
                own = $"{name}-{number}";
            }

            yield return own;
        }
    }

    private static string FolderOf(string? model, IReadOnlyList<LoraAdapter> adapters)
    {
        LoraConfig[] configs = model is null ? [.. adapters.Select(adapter => adapter.Config)] : [new() { Model = model }];
        string[] folders = [.. configs.Select(ModelTargets.Folder).Distinct(StringComparer.Ordinal)];
        return folders.Length switch
        {
            0 => throw LoraException.Of(LoraError.ModelNotKnown, model),
            1 => folders[0],
            _ => throw LoraException.Of(LoraError.ConfigConflict, folders[1], $"adapters on one model belong to '{folders[0]}' and '{folders[1]}'"),
        };
    }

    private static ModelShape Speaking(string folder) => TaskReader.Read(folder, taskType: null) switch
    {
        ModelShape decoder => decoder,
        TaskShape other => throw LoraException.Of(LoraError.GenerationUnsupported, folder, folder, other.ModelType, "it is no decoder that says one token after another"),
    };

    private static MeasurementPlan Planned(LoraAdapter adapter, string folder, ModuleFilter all, GeneratorOptions options)
    {
        MeasurementPlan plan = MeasurementPlan.Make([adapter], folder, all, options.ResizeVocabulary);
        return TaskReader.Read(folder, plan.TaskType) is ModelShape ? plan
            : throw LoraException.Of(LoraError.GenerationUnsupported, adapter.Label, adapter.Label, plan.TaskType, "it gives labels and no text");
    }
}
