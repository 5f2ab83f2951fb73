namespace Lora.Data;

/// <summary>Reads all rows of a dataset once: finds what is damaged, and notes the place of each row while another thread writes down and hashes those before.</summary>
internal static class FirstPass
{
    // Rows that are handed over at a time: enough that threads seldom wait for each other, and few where rows are long.
    private const int PartRows = 128;
    private const int PartLetters = 1 << 18;
    private const int PartsAhead = 2;

    /// <summary>The index. The problems of all files come together.</summary>
    /// <param name="files">The files, in their order.</param>
    /// <param name="store">Takes the rows that cannot be read again in their file.</param>
    /// <param name="maker">Cuts documents.</param>
    /// <param name="labels">Looks at the labels of rows.</param>
    /// <param name="progress">Told of each row.</param>
    /// <param name="cancellation">Checked at each row, and in documents at each word.</param>
    /// <exception cref="LoraException">What is wrong with any file, as <see cref="DatasetReader.Read"/> says; <see cref="LoraError.TemporaryFileFailed"/>.</exception>
    public static RowIndex Read(
        IReadOnlyList<DatasetFile> files, RowStore store, ExampleMaker maker, LabelCensus labels, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        RowIndex index = new();
        List<LoraProblem> problems = [];
        for (int file = 0; file < files.Count; file++)
        {
            try
            {
                string stage = $"Reading '{Path.GetFileName(files[file].Path)}'";
                long count = 0;
                PromptMarkers prompts = new(maker.Chat);
                foreach ((RowPlace? place, WrittenRow[] rows) in Written(files[file], maker, prompts, labels, cancellation))
                {
                    progress?.Report(new(stage, ++count, null, WorkUnit.Row)); // the file is read row by row, and their number known at its end
                    foreach (WrittenRow row in rows)
                    {
                        index.Add(store.Add(file, row, place));
                        files[file].RowCount++;
                    }
                }

                prompts.Note(files[file]);
            }
            // What is wrong with a file is told with what is wrong with the others; without room for rows no other file can be read either.
            catch (LoraException exception) when (exception.Error != LoraError.TemporaryFileFailed)
            {
                problems.AddRange(exception.Problems);
            }
        }

        LoraException.ThrowIfAny(problems);
        return index;
    }

    private static IEnumerable<(RowPlace? Place, WrittenRow[] Rows)> Written(
        DatasetFile file, ExampleMaker maker, PromptMarkers prompts, LabelCensus labels, CancellationToken cancellation) =>
        Prefetch.Ahead(
            Parts(DatasetReader.ReadPlaced(file, cancellation), prompts, labels),
            part => Array.ConvertAll(part, entry => (entry.Place, maker.Split(entry.Row, cancellation).Select(RowStore.Write).ToArray())),
            PartsAhead).SelectMany(part => part);

    private static IEnumerable<(DatasetRow Row, RowPlace? Place)[]> Parts(IEnumerable<(DatasetRow Row, RowPlace? Place)> rows, PromptMarkers prompts, LabelCensus labels)
    {
        List<(DatasetRow, RowPlace?)> part = [];
        long letters = 0;
        foreach ((DatasetRow row, RowPlace? place) in rows)
        {
            prompts.Look(row);
            labels.Look(row);
            part.Add((row, place));
            letters += Letters(row);
            if (part.Count == PartRows || letters > PartLetters)
            {
                yield return [.. part];
                part.Clear();
                letters = 0;
            }
        }

        yield return [.. part];
    }

    private static long Letters(DatasetRow row) => row switch
    {
        TextRow text => text.Text.Length,
        LabelledRow labelled => labelled.Text.Length,
        TaggedRow tagged => tagged.Words.Sum(word => (long)word.Length),
        ChoiceRow choice => choice.Question.Length + choice.Choices.Sum(text => (long)text.Length),
        CompletionRow pair => (long)pair.Prompt.Length + pair.Completion.Length,
        ChatRow chat => chat.Turns.Sum(turn => (long)(turn.Message.Content?.Length ?? 0)),
        _ => 0,
    };
}
