namespace Lora.Data;

/// <summary>Finds the files of a dataset: files as they are named, and of a folder those that hold data, in the ordinal order of their paths.</summary>
internal static class DatasetFiles
{
    private static readonly Dictionary<string, string> Forms = new()
    {
        [".JSONL"] = "JSON",
        [".NDJSON"] = "JSON",
        [".JSON"] = "JSON",
        [".CSV"] = "CSV",
        [".TSV"] = "CSV",
        [".TXT"] = "text",
        [".MD"] = "text",
        [".PARQUET"] = "Parquet",
    };

    private static readonly string[] HeldOut = ["valid", "test", "dev", "eval"];

    /// <summary>The files.</summary>
    /// <param name="paths">Full paths of files and folders, in the order in which they are read.</param>
    /// <param name="rules">How their rows are read.</param>
    /// <exception cref="LoraException">For each path that is not there <see cref="LoraError.PathNotFound"/>; <see cref="LoraError.DatasetForm"/> for a folder
    /// with files of several forms; <see cref="LoraError.DatasetEmpty"/> for one without any; <see cref="LoraError.FileUnreadable"/>.</exception>
    public static IReadOnlyList<DatasetFile> Of(IEnumerable<string> paths, RowRules? rules = null) => Of(paths.Select(path => (path, 1.0)), rules ?? RowRules.Usual);

    /// <summary>What a run learns from: its files with their weights, or the rows that a program gives.</summary>
    /// <inheritdoc cref="Of(IEnumerable{string}, RowRules?)"/>
    public static IReadOnlyList<DatasetFile> Of(TrainingData data, RowRules? rules = null) => data.Rows is GivenRows rows
        ? [new(rows.Name) { Given = rows, Rules = rules ?? RowRules.Usual }]
        : Of(data.Dataset.Select((path, at) => (path, data.DatasetWeight.Count > at ? data.DatasetWeight[at] : 1)), rules ?? RowRules.Usual);

    private static List<DatasetFile> Of(IEnumerable<(string Path, double Weight)> paths, RowRules rules)
    {
        List<DatasetFile> files = [];
        List<LoraProblem> problems = [];
        foreach ((string path, double weight) in paths)
        {
            DatasetFile Named(string file) => new(file) { Rules = rules, Weight = weight };
            if (Directory.Exists(path))
            {
                Add(path, Named, files, problems);
            }
            else if (File.Exists(path))
            {
                files.Add(Named(path));
            }
            else
            {
                problems.Add(new(LoraError.PathNotFound, path, path));
            }
        }

        LoraException.ThrowIfAny(problems);
        return files;
    }

    private static void Add(string folder, Func<string, DatasetFile> named, List<DatasetFile> files, List<LoraProblem> problems)
    {
        string[] names;
        try
        {
            names = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(folder, file)).Where(IsData).Order(StringComparer.Ordinal)];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problems.Add(new(LoraError.FileUnreadable, folder, folder, exception.Message));
            return;
        }

        // A page about the data is not data; a folder that holds nothing else is what it says.
        names = names.Any(name => !IsReadme(name)) ? [.. names.Where(name => !IsReadme(name))] : names;
        string[] forms = [.. names.Select(name => Forms[DatasetForm.Extension(name)]).Distinct()];
        if (forms.Length != 1)
        {
            problems.Add(forms.Length == 0
                ? new(LoraError.DatasetEmpty, folder, folder)
                : new(LoraError.DatasetForm, folder, folder, $"a folder with files of several forms ({string.Join(", ", forms)})"));
            return;
        }

        // Where a folder has its splits by name, what is held out for measuring must not be learned.
        string[] trained = names.Any(name => Begins(name, "train")) ? [.. names.Where(name => !HeldOut.Any(split => Begins(name, split)))] : names;
        files.AddRange(trained.Select(name => named(Path.Combine(folder, name))));
        if (trained.Length < names.Length)
        {
            files[^1].Note($"and the files beside it are read without {string.Join(", ", names.Except(trained))}: name them to read them");
        }
    }

    private static bool IsData(string name) =>
        Forms.ContainsKey(DatasetForm.Extension(name)) && !name.Split(Path.DirectorySeparatorChar).Any(part => part.StartsWith('.'));

    private static bool IsReadme(string name) => Path.GetFileName(name).Equals("README.md", StringComparison.OrdinalIgnoreCase);

    private static bool Begins(string name, string split) => Path.GetFileName(name).StartsWith(split, StringComparison.OrdinalIgnoreCase);
}
