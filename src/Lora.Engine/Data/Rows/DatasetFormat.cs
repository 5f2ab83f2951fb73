namespace Lora;

/// <summary>How the rows of a dataset are read.</summary>
public enum DatasetFormat
{
    /// <summary>Each row is a text, all of which is learned.</summary>
    Text,

    /// <summary>Each row is a prompt and its completion, joined as they stand; the completion is learned.</summary>
    Completion,

    /// <summary>Each row is a conversation, or a question and its answer, written by the model's chat template; the assistant's messages are learned.</summary>
    Chat,

    /// <summary>Each row is an instruction and its answer, written by the prompt of Stanford Alpaca; the answer is learned. For models without a chat template.</summary>
    Alpaca,

    /// <summary>Each row is a text with its label, or with its labels in a list, of which any number may be there: classification of texts.</summary>
    Label,

    /// <summary>Each row is a text with a number, or with several in a list: regression.</summary>
    Score,

    /// <summary>Each row is a list of words with a tag for each: classification of words.</summary>
    Tag,

    /// <summary>Each row is a question with choices, of which one is right: it is measured by their likelihoods, and not learned.</summary>
    Choice,
}
