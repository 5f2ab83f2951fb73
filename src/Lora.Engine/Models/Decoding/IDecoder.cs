namespace Lora.Models;

/// <summary>Texts that a model goes on at the same time: each is read once, and then given a token at a time. What is expected of a text never hangs on those beside it.</summary>
internal interface IDecoder : IDisposable
{
    /// <summary>Reads a prompt, which becomes the last of the rows.</summary>
    /// <param name="ids">At least one.</param>
    void Read(IReadOnlyList<int> ids);

    /// <summary>Takes the only row back to its first tokens and reads others behind them, without those that stay being computed again.</summary>
    /// <param name="kept">How many stay; at least one.</param>
    /// <param name="ids">At least one.</param>
    void Continue(int kept, IReadOnlyList<int> ids);

    /// <summary>Gives each row its next token.</summary>
    /// <param name="ids">One for each row.</param>
    void Step(IReadOnlyList<int> ids);

    /// <summary>Lets go of all other rows.</summary>
    /// <param name="rows">Those that stay, in their order.</param>
    void Keep(IReadOnlyList<int> rows);

    /// <summary>What is expected after the last token of a row, [vocabulary]; it stands until the next step.</summary>
    ReadOnlySpan<float> Logits(int row);
}
