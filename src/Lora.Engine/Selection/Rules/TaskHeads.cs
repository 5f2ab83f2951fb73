namespace Lora.Selection;

/// <summary>
/// The heads that PEFT trains whole because of task_type: its classes for classification add classifier and score to modules_to_save, that for
/// answering questions qa_outputs (peft_model.py). Names are matched by plain endings, so pre_classifier (DistilBERT) is among them.
/// </summary>
internal static class TaskHeads
{
    private const string Sequences = "SEQ_CLS";
    private static readonly string[] Classifiers = ["classifier", "score"];

    /// <summary>The configuration with the heads of its task among the modules that are trained whole, as far as the model has them.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="names">The names of all modules, those that hold others too.</param>
    public static LoraConfig Apply(LoraConfig config, IReadOnlyList<string> names)
    {
        string[] entries = config.TaskType switch
        {
            Sequences or "TOKEN_CLS" => Classifiers,
            "QUESTION_ANS" => ["qa_outputs"],
            _ => [],
        };
        if (entries.Length == 0)
        {
            return config;
        }

        string[] added = [.. SavedModules.Outermost(names.Where(name => entries.Any(entry => name.EndsWith(entry, StringComparison.Ordinal))))
            .Where(name => config.ModulesToSave?.Any(entry => SavedModules.Holds(entry, name)) != true)];
        return added.Length == 0 ? config : config with { ModulesToSave = [.. config.ModulesToSave ?? [], .. added] };
    }

    /// <summary>The head that <c>all-linear</c> leaves alone in a model without a language head.</summary>
    public static string? OutputLayer(string? taskType, IEnumerable<string> names) =>
        taskType == Sequences ? names.FirstOrDefault(name => Classifiers.Contains(name)) : null;
}
