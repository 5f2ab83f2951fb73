using Lora.Tools.Help;

if (args.Length != 2)
{
    Console.Error.WriteLine("usage: HelpBuilder <folder of the markdown> <folder of the help>");
    return 2;
}

try
{
    HelpFolder.Build(args[0], args[1]);
    return 0;
}
catch (FormatException exception)
{
    // The form that MSBuild shows as an error of the build.
    Console.Error.WriteLine($"HelpBuilder : error HELP001: {exception.Message}");
    return 1;
}
