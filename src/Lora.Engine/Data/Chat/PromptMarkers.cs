namespace Lora.Data;

/// <summary>
/// Tells whether the prompts of a file were written by the model's chat template. Where none was, prompt and completion may just as well be meant as
/// messages, and a model that is asked by its template is asked in another way than it was trained.
/// </summary>
/// <param name="chat">What writes conversations; it throws where the model has no template.</param>
internal sealed class PromptMarkers(Lazy<ChatEncoder> chat)
{
    private IReadOnlyList<string>? markers;
    private bool isWritten;

    /// <summary>Looks at a row.</summary>
    public void Look(DatasetRow row)
    {
        if (row is CompletionRow pair && !isWritten)
        {
            markers ??= Find();
            isWritten = markers.Any(marker => pair.Prompt.Contains(marker, StringComparison.Ordinal));
        }
    }

    /// <summary>Notes that no prompt is written by the template, unless it was said how they are read.</summary>
    public void Note(DatasetFile file)
    {
        if (file.Format == DatasetFormat.Completion && file.Rules.Format is null && markers is { Count: > 0 } && !isWritten)
        {
            file.Note("has prompts that the model's chat template did not write, and they are learned as they stand; -DatasetFormat Chat makes messages of them, -DatasetFormat Completion says that this is meant");
        }
    }

    private IReadOnlyList<string> Find()
    {
        try
        {
            return chat.Value.Markers;
        }
        catch (LoraException)
        {
            // Raw text needs no template: a model without one, or with a damaged one, learns from it all the same.
            return [];
        }
    }
}
