namespace Lora.Tools.Help;

/// <summary>The help of one cmdlet. Texts are markdown.</summary>
public sealed record HelpPage(
    string Name,
    string Synopsis,
    IReadOnlyList<HelpSyntax> Syntax,
    string Description,
    IReadOnlyList<HelpExample> Examples,
    IReadOnlyList<HelpParameter> Parameters,
    IReadOnlyList<HelpType> Inputs,
    IReadOnlyList<HelpType> Outputs,
    string Notes,
    IReadOnlyList<HelpLink> Links);

/// <summary>One parameter set and its line, as <c>Get-Command -Syntax</c> writes it.</summary>
public sealed record HelpSyntax(string Set, bool IsDefault, string Line);

/// <summary>An example: the code that runs, and what is to be said of it.</summary>
public sealed record HelpExample(string Title, string Code, string Remarks);

/// <summary>A parameter with its facts as the page states them.</summary>
public sealed record HelpParameter(string Name, string Description, HelpParameterFacts Facts);

/// <summary>What is input or output, and what is said of it.</summary>
public sealed record HelpType(string Name, string Text);

/// <summary>A related link; the address is empty for a cmdlet or topic.</summary>
public sealed record HelpLink(string Text, string Address);
